"""Cases from scenarios: for every version the valid request, then each field in turn with every value that could hurt.

The rule of the file: a variation follows from the message's declaration alone, so a new field is tried the day it is
declared.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from compat.differential.cases import Case, Scenario, Step, Story, Value, key_of, matches, within
from compat.differential.world import UNKNOWN_ID, World
from neuraxis.wire import messages
from neuraxis.wire.schema import ZERO_UUID, Field, Message, fields_of, schema_of

Path = tuple[str | int, ...]

NUMBERS: dict[str, tuple[float, ...]] = {
    "int8": (-128, -2, -1, 0, 1, 2, 127),
    "int16": (-32768, -2, -1, 0, 1, 77, 32767),
    "int32": (-(1 << 31), -2, -1, 0, 1, 77, (1 << 31) - 1),
    "uint16": (0, 1, 65535),
    "float64": (-1.0, 0.0, 0.5, 1e300),
    "int64": (-(1 << 63), -2, -1, 0, 1, 77, (1 << 63) - 1),
}


def _unknown(world: World) -> str:
    return world.name("no-such")


def _invalid(world: World) -> str:
    return world.name("bad name!")


def _long(world: World) -> str:
    return world.name("x" * 241)


STRINGS: dict[str, Value] = {"empty": "", "unknown": _unknown, "invalid": _invalid, "long": _long}
UUIDS: dict[str, Value] = {"zero": ZERO_UUID, "unknown": UNKNOWN_ID}
BYTES: dict[str, Value] = {"empty": b"", "garbage": b"\x00\x01garbage"}


def cases_of(entry: Scenario | Story, advertised: tuple[int, int]) -> Iterator[Case]:
    """The cases of one scenario for the versions that both brokers have."""
    key = key_of(entry.request)
    for version in messages.versions(key):
        if not within(version, entry.versions) or not advertised[0] <= version <= advertised[1]:
            continue
        if isinstance(entry, Story):
            yield Case(key, version, f"{entry.name}", (), entry.steps(version))
        else:
            yield from _varied(entry, key, version)


def _varied(scenario: Scenario, key: int, version: int) -> Iterator[Case]:
    prefix = f"{scenario.name}: " if scenario.name else ""
    for name, step in variations(scenario, version):
        if not matches(name, scenario.skip):
            yield Case(key, version, prefix + name, scenario.given, (step, *scenario.after))


def variations(scenario: Scenario, version: int) -> Iterator[tuple[str, Step]]:
    """Name and step of the valid request and of everything derived from it."""
    valid = Step(scenario.build, version, settle=scenario.settle)
    yield "valid", valid
    if not scenario.vary:
        return
    planned = World()
    planned.begin("a plan")
    request = scenario.build(planned)
    for path, name, value in changes(request, version, scenario):
        yield name, replace(valid, build=_Changed(scenario, path, value))
    if not scenario.name:
        yield from _damaged(valid, schema_of(scenario.request).is_flexible(version))


class _Changed:
    """The scenario's request with one field changed."""

    def __init__(self, scenario: Scenario, path: Path, value: Value) -> None:
        self.scenario, self.path, self.value = scenario, path, value

    def __call__(self, world: World) -> Message:
        request = copy.deepcopy(self.scenario.build(world))  # it may share lists with the scenario
        *way, last = self.path
        holder: object = request
        for part in way:
            holder = holder[part] if isinstance(part, int) else getattr(holder, part)  # type: ignore[index]  # it is a list
        value = self.value(world) if callable(self.value) else self.value
        if value is TWICE:
            value = [*_item(holder, last), *_item(holder, last)]
        if isinstance(last, int):
            holder[last] = value  # type: ignore[index]  # it is a list
        else:
            setattr(holder, last, value)
        return request


TWICE = object()
"""Stands for the field's list with everything in it twice."""


def _item(holder: object, name: str | int) -> Sequence[object]:
    found: Sequence[object] = getattr(holder, str(name))
    return found


def changes(
    message: object, version: int, scenario: Scenario, way: Path = ()
) -> Iterator[tuple[Path, str, Value]]:
    """Path, name and value of every change to every field that the version carries, nested ones included."""
    for name, field in fields_of(type(message)):
        if not field.present(version):
            continue
        path = (*way, name)
        current = getattr(message, name)
        for label, value in _values(field, version, current, scenario.values.get(name, ())):
            yield path, f"{_text(path)}={label}", value
        if isinstance(current, Message):
            yield from changes(current, version, scenario, path)
        elif field.kind == "array" and current:
            first = current[0]
            if isinstance(first, Message):
                yield from changes(first, version, scenario, (*path, 0))
            else:
                plain = Field(str(field.item), "0+", "none", None, None)
                for label, value in _values(plain, version, first, scenario.values.get(name, ())):
                    yield (*path, 0), f"{_text((*path, 0))}={label}", value


def _values(
    field: Field, version: int, current: object, more: Iterable[Value]
) -> Iterator[tuple[str, Value]]:
    if field.is_nullable(version) and current is not None:
        yield "null", None
    if field.kind in NUMBERS:
        given = [value for value in more if isinstance(value, int | float)]
        for number in sorted({*NUMBERS[field.kind], *given}):
            if number != current:
                yield str(number), number
        return
    if field.kind == "bool":
        yield str(not current).lower(), not current
    elif field.kind == "array":
        if current:
            yield "none", []
            yield "twice", TWICE
        return
    named = {"string": STRINGS, "uuid": UUIDS, "bytes": BYTES, "records": BYTES}.get(field.kind, {})
    for label, value in named.items():
        if value != current:
            yield label, value
    for value in more:
        if value != current:
            yield _label(value), value


def _label(value: Value) -> str:
    """How a further value is called: a function by its name, text by itself."""
    return getattr(value, "__name__", repr(value)).strip("_").replace("_", " ")


def _text(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]


def _damaged(valid: Step, flexible: bool) -> Iterator[tuple[str, Step]]:
    """The valid frame cut short, with bytes behind it, with a tag nobody knows."""
    yield "frame=cut", replace(valid, frame=_cut)
    yield "frame=longer", replace(valid, frame=_longer)
    if flexible:
        yield "frame=unknown tag", replace(valid, frame=_tagged)


def _sized(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def _cut(frame: bytes) -> bytes:
    return _sized(frame[4:-1])


def _longer(frame: bytes) -> bytes:
    return _sized(frame[4:] + b"\x07\x00")


def _tagged(frame: bytes) -> bytes:
    """The last byte of a flexible body counts its tags: there is one now, 99, of two bytes."""
    return _sized(frame[4:-1] + b"\x01\x63\x02ab") if frame[-1] == 0 else _longer(frame)
