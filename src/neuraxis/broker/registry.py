"""Finds the handlers and derives the API table: key -> versions, function, needs."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from neuraxis.broker import handlers
from neuraxis.broker.call import HANDLERS, Api
from neuraxis.wire import frames
from neuraxis.wire.messages import flexible_from

NEVER_FLEXIBLE = 32_768
"""Above every version: the header of an unknown key cannot be read past its correlation id."""


def api_table() -> dict[int, Api]:
    """The API table, by key. Importing every module of `handlers` is what fills it."""
    _import_handlers()
    return dict(sorted(HANDLERS.items()))


@cache
def _import_handlers() -> None:
    """Import every module of `handlers`, once: looking through the directory takes milliseconds."""
    for module in pkgutil.iter_modules(handlers.__path__):
        importlib.import_module(f"{handlers.__name__}.{module.name}")


def render_table(table: dict[int, Api]) -> str:
    """The table as text, one line a key: what `tests/test_api_table.py` snapshots and the docs print."""
    lines = []
    for api in table.values():
        shown = f"{api.advertised_minimum}-{api.maximum}"
        served = "" if api.advertised_minimum == api.minimum else f" (served from {api.minimum})"
        if not api.advertised:
            served = " (not advertised)"
        lines.append(
            f"{api.key:>3} {api.name} {shown}{served} | {api.handler.__module__.rsplit('.', 1)[-1]} | {api.needs}"
        )
    return "\n".join(lines) + "\n"


def first_flexible(table: dict[int, Api]) -> frames.FlexibleFrom:
    """What tells the first flexible version of a key: above every version where the key is not served."""
    return _FlexibleFrom({key: flexible_from(key) for key in table}).__getitem__


class _FlexibleFrom(dict[int, int]):
    def __missing__(self, key: int) -> int:
        return NEVER_FLEXIBLE
