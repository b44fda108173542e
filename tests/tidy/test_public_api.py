"""The public API is what `public_api.txt` says: a change to it is a decision, not an accident.

After a deliberate change, write the snapshot again: `python -m tests.tidy.test_public_api`.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from pathlib import Path

SNAPSHOT = Path(__file__).with_name("public_api.txt")
PUBLIC_MODULES = ("neuraxis", "neuraxis.testing", "neuraxis.client")


def describe(module_name: str, seen: set[type]) -> list[str]:
    """One line for each public name of a module, and for each public member of its classes not seen before."""
    module = importlib.import_module(module_name)
    lines: list[str] = []
    for name in sorted(getattr(module, "__all__", ())):
        value = getattr(module, name)
        lines.append(f"{module_name}.{name}{parameters(value)}")
        if inspect.isclass(value) and value not in seen:
            seen.add(value)
            members = [member for member in vars(value) if not member.startswith("_")]
            lines += [
                f"{module_name}.{name}.{member}{parameters(vars(value)[member])}"
                for member in sorted(members)
            ]
    return lines


def parameters(value: object) -> str:
    """The names of a callable's parameters: `(self, topic, *, timeout_ms=)`; nothing for other values."""
    if not callable(value):
        return ""
    try:
        signature = inspect.signature(value)
    except ValueError:
        return "(...)"
    parts: list[str] = []
    starred = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred = starred or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        parts.append(star + parameter.name + ("" if parameter.default is parameter.empty else "="))
    return f"({', '.join(parts)})"


def current() -> str:
    """The public API as it is now, one name a line."""
    lines: list[str] = []
    seen: set[type] = set()
    for name in PUBLIC_MODULES:
        if importlib.util.find_spec(name) is not None:
            lines += describe(name, seen)
    return "".join(line + "\n" for line in lines)


def test_the_public_api_is_the_snapshot() -> None:
    assert current() == SNAPSHOT.read_text("utf-8"), (
        "the public API changed; if you mean it: python -m tests.tidy.test_public_api, and a fragment in changes/"
    )


if __name__ == "__main__":
    SNAPSHOT.write_text(current(), "utf-8")
