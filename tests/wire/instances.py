"""Every declared class, and instances of them: random ones from a seed, and Hypothesis strategies."""

from __future__ import annotations

import random
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from hypothesis import strategies as st

from neuraxis.wire import facts, messages
from neuraxis.wire.schema import Field, Message, fields_of, schema_of

INTEGERS = {"int8": (8, True), "int16": (16, True), "int32": (32, True), "int64": (64, True)} | {
    "uint16": (16, False),
    "uint32": (32, False),
}
TEXTS = ["", "a", "events", "orders.eu-1", "größe", "日本", "x" * 126, "y" * 127, "z" * 300]
BLOBS = [b"", b"\0", b"payload", bytes(126), bytes(127), bytes(range(256)) * 20]


@cache
def declared() -> dict[str, type[Message]]:
    """Every message and fact class by name (structs are inside them)."""
    classes: dict[str, type[Message]] = {}
    for package in (messages, facts):
        for module in iter_modules(package.__path__, package.__name__ + "."):
            for name, value in vars(import_module(module.name)).items():
                if not isinstance(value, type) or not issubclass(value, Message) or value is Message:
                    continue
                if schema_of(value).kind != "struct":
                    assert name not in classes, name
                    classes[name] = value
    return classes


def every_version() -> list[tuple[type[Message], int]]:
    """Every declared class in every version."""
    return [(cls, version) for cls in declared().values() for version in schema_of(cls).versions]


def bounds(kind: str) -> tuple[int, int]:
    """Smallest and largest value of an integer kind."""
    bits, signed = INTEGERS[kind]
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def random_instance(cls: type[Message], version: int, rng: random.Random) -> Message:
    """An instance whose fields of that version are random, the others at their defaults."""
    values = {
        name: random_value(field, version, rng, name)
        for name, field in fields_of(cls)
        if field.present(version)
    }
    return cls(**values)


def random_value(field: Field, version: int, rng: random.Random, name: str) -> Any:
    """A value for the field; kinds of trouble (null, empty, long, extreme) are as likely as plain values."""
    if (field.is_nullable(version) and rng.random() < 0.25) or (field.tag is not None and rng.random() < 0.4):
        return None if field.is_nullable(version) else field.default_value()
    if field.kind == "struct":
        assert isinstance(field.item, type)
        return random_instance(field.item, version, rng)
    if field.kind == "array":
        count = rng.choice([0, 1, 1, 2, 3])
        if isinstance(field.item, type):
            return [random_instance(field.item, version, rng) for _ in range(count)]
        assert isinstance(field.item, str)
        if rng.random() < 0.05:
            count = 130
        return [random_scalar(field.item, rng, name) for _ in range(count)]
    return random_scalar(field.kind, rng, name)


def random_scalar(kind: str, rng: random.Random, name: str) -> Any:
    """A value of a kind. Error codes and times stay in the ranges that other libraries can represent."""
    if kind == "bool":
        return rng.random() < 0.5
    if kind in INTEGERS:
        if name.endswith("error_code") or name == "error_codes":
            return rng.choice([0, 3, 35, 87])
        low, high = bounds(kind)
        if name.endswith(("_ms", "timestamp", "timeout")) or "time" in name:
            low, high = 0, min(high, 1 << 41)
        return rng.choice([low, high, rng.randint(low, high), rng.randint(0, 100)])
    if kind == "float64":
        return rng.choice([0.0, 1.5, -2.25, rng.random()])
    if kind == "uuid":
        return rng.randbytes(16)
    return rng.choice(TEXTS if kind == "string" else BLOBS)


@cache
def scalar_strategy(kind: str) -> st.SearchStrategy[Any]:
    """Hypothesis's values of a kind."""
    if kind == "bool":
        return st.booleans()
    if kind in INTEGERS:
        return st.integers(*bounds(kind))
    if kind == "float64":
        return st.floats(allow_nan=False)
    if kind == "uuid":
        return st.binary(min_size=16, max_size=16)
    return st.text(max_size=40) if kind == "string" else st.binary(max_size=200)


def field_strategy(field: Field, version: int) -> st.SearchStrategy[Any]:
    """Hypothesis's values of a field in a version."""
    if field.kind == "struct":
        assert isinstance(field.item, type)
        values = instances(field.item, version)
        if field.tag is not None:
            values |= st.none()
    elif field.kind == "array":
        item = (
            instances(field.item, version)
            if isinstance(field.item, type)
            else scalar_strategy(str(field.item))
        )
        values = st.lists(item, max_size=3)
    else:
        values = scalar_strategy(field.kind)
    return values | st.none() if field.is_nullable(version) else values


@cache
def instances(cls: type[Message], version: int) -> st.SearchStrategy[Any]:
    """Hypothesis's instances of a class in a version."""
    fields = {
        name: field_strategy(field, version) for name, field in fields_of(cls) if field.present(version)
    }
    return st.builds(cls, **fields)
