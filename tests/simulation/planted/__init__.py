"""Bugs put in on purpose, into the real code: the simulation must find each of them within a few seeds."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.simulation.planted import (
    cold,
    compaction,
    groups,
    logs,
    money,
    rot,
    serving,
    sessions,
    shares,
    streams,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Bug

MODULES = (logs, serving, groups, money, shares, sessions, streams, compaction, cold, rot)
BUGS: dict[str, Bug] = {bug.name: bug for module in MODULES for bug in module.BUGS}
"""By name."""


@contextmanager
def planted(name: str | None) -> Iterator[Callable[[Plan], Plan]]:
    """With the bug in place (or none); gives the function that makes plans in which it matters."""
    with ExitStack() as stack:
        if name is None:
            yield lambda plan: plan
            return
        bug = BUGS[name]
        for target, attribute, value in bug.patches():
            before = target.__dict__[attribute]
            stack.callback(setattr, target, attribute, before)
            setattr(target, attribute, value)
        yield bug.plan
