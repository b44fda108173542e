"""What is written to our own logs, in Kafka's record formats: keys and values with a 16-bit number before them.

A key starts with the type of its record (offset commit, group metadata, ...), a value with its version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from neuraxis.wire.codec import decode, encode
from neuraxis.wire.primitives import Malformed
from neuraxis.wire.schema import schema_of

T = TypeVar("T")


class UnknownFact(ValueError):
    """A record type or version that this release does not know: written by something newer, or not by us."""


def encode_fact(obj: object, version: int = 0) -> bytes:
    """Number and body. The number of a coordinator key is its record type, of anything else its version."""
    schema = schema_of(type(obj))
    number = schema.key if schema.kind == "coordinator-key" else version
    if number is None:
        raise ValueError(f"{schema.name} has no record type")
    return number.to_bytes(2, "big") + encode(obj, version)


def record_type(buffer: bytes | memoryview) -> int:
    """The 16-bit number a key or value starts with. Raises Malformed when it is shorter."""
    if len(buffer) < 2:
        raise Malformed(f"a fact of {len(buffer)} bytes has no number")
    return int.from_bytes(buffer[:2], "big", signed=True)


def decode_key(classes: Mapping[int, type[T]], buffer: bytes | memoryview) -> T:
    """The key of a coordinator's record; classes maps record types to key classes.

    Raises UnknownFact for a type that is not in the table, Malformed for bytes that are no such key.
    """
    number = record_type(buffer)
    cls = classes.get(number)
    if cls is None:
        raise UnknownFact(f"record type {number} is none of {sorted(classes)}")
    return decode(cls, 0, buffer, 2)[0]


def decode_fact(cls: type[T], buffer: bytes | memoryview) -> T:
    """A value (or a key that starts with its version). Raises UnknownFact for a version that is not declared."""
    version = record_type(buffer)
    schema = schema_of(cls)
    if version not in schema.versions:
        raise UnknownFact(f"{schema.name} version {version} is none of {schema.valid}")
    return decode(cls, version, buffer, 2)[0]
