"""Encode and decode declared messages: one compiled function per class, version and direction, made on first use."""

from __future__ import annotations

from typing import Any, TypeVar

from neuraxis.wire.decoders import Decoder, DecoderSource, Source
from neuraxis.wire.encoders import Encoder, EncoderSource
from neuraxis.wire.primitives import Malformed
from neuraxis.wire.schema import Part, Records, Span, schema_of

__all__ = [
    "Decoder", "Malformed", "Part", "Records", "Span", "decode", "decoder", "encode", "encode_parts", "encoder", "merge",
]  # fmt: skip

T = TypeVar("T")

_decoders: dict[tuple[type, int], Decoder] = {}
_encoders: dict[tuple[type, int], Encoder] = {}
# Both hold at most one function per declared class and version: some 1,200.


def decode(cls: type[T], version: int, buffer: bytes | memoryview, position: int = 0) -> tuple[T, int]:
    """The message of that class and version at a position, and the position after it.

    Bytes after the message are not an error. Records fields are views of the buffer, everything else is copied.
    Raises Malformed (and nothing else) for bytes that are no such message; ValueError for a version that is none.
    """
    try:
        function = _decoders[cls, version]
    except KeyError:
        function = decoder(cls, version)
    return function(buffer, position)  # type: ignore[return-value]  # the table is keyed by the class


def encode(obj: object, version: int) -> bytes:
    """The bytes of a message without header. Fields the version does not carry are left out silently.

    Raises ValueError, TypeError or struct.error for values that do not fit their field, spans included.
    """
    pieces: list[Part] = []
    encoder(type(obj), version)(obj, pieces)
    return b"".join(pieces)  # type: ignore[arg-type]  # a span raises TypeError here, as documented


def encode_parts(obj: object, version: int) -> list[Part]:
    """The same in order of writing; spans and records of 4 KiB or more stay as they were given."""
    pieces: list[Part] = []
    return merge(pieces, encoder(type(obj), version)(obj, pieces))


def merge(pieces: list[Part], cuts: list[int] | None) -> list[Part]:
    """Join pieces, except those at the places named by cuts (what an encoder returns)."""
    if not cuts:
        return [b"".join(pieces)]  # type: ignore[arg-type]  # spans are always among the cuts
    parts: list[Part] = []
    start = 0
    for cut in cuts:
        if cut > start:
            parts.append(b"".join(pieces[start:cut]))  # type: ignore[arg-type]  # as above
        parts.append(pieces[cut])
        start = cut + 1
    if start < len(pieces):
        parts.append(b"".join(pieces[start:]))  # type: ignore[arg-type]  # as above
    return parts


def decoder(cls: type, version: int) -> Decoder:
    """The compiled `(buffer, position) -> (object, end)`."""
    function = _decoders.get((cls, version))
    if function is None:
        source = DecoderSource(cls, version, _check(cls, version))
        function = _decoders[cls, version] = _compile(source, "decode")
    return function


def encoder(cls: type, version: int) -> Encoder:
    """The compiled `(object, pieces) -> cuts`: appends to pieces, and names those that must stay apart."""
    function = _encoders.get((cls, version))
    if function is None:
        source = EncoderSource(cls, version, _check(cls, version))
        function = _encoders[cls, version] = _compile(source, "encode")
    return function


def _compile(source: Source, name: str) -> Any:  # Any: generated code has no static type
    exec("\n".join(source.lines), source.namespace)
    return source.namespace[name]


def _check(cls: type, version: int) -> bool:
    """Whether the version is flexible; ValueError if it does not exist."""
    schema = schema_of(cls)
    if version not in schema.versions:
        raise ValueError(f"{schema.name} has versions {schema.valid}, not {version}")
    return schema.is_flexible(version)
