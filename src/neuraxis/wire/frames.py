"""Frames and headers: four bytes of length, a request or response header, a body; and a reader fed with bytes.

The header of a request is read in two steps, because only its first eight bytes can be understood when the key or
the version is unknown. Response headers of ApiVersions are always version 0: clients read them before they agree.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from neuraxis.wire.codec import encode, encoder, merge
from neuraxis.wire.primitives import Malformed, skip_tags
from neuraxis.wire.schema import BYTES, Part, schema_of

API_VERSIONS_KEY = 18

_REQUEST_START = Struct(">hhih")
_RESPONSE_START = Struct(">ii")
_RESPONSE_START_FLEXIBLE = Struct(">iix")

_starts: dict[tuple[type, int], Struct] = {}
# At most one entry per response class and version: some 300.

FlexibleFrom = Callable[[int], int]


def read_request_header(
    view: bytes | memoryview, flexible_from: FlexibleFrom
) -> tuple[int, int, int, str | None, int]:
    """API key, version, correlation id, client id and the position of the body, of a frame without its length.

    flexible_from(key) gives the first flexible version of a key (wire.messages.flexible_from). For an unknown key it
    must give a version that is never reached; then what follows the correlation id may be meaningless, but key and
    version hold. Raises Malformed.
    """
    size = len(view)
    if size < 10:
        raise Malformed(f"a request of {size} bytes has no header")
    key, version, correlation_id, length = _REQUEST_START.unpack_from(view)
    position = 10
    client_id = None
    if length >= 0:
        position += length
        client_id = str(view[10:position], "utf-8", "replace")
    if version >= flexible_from(key):
        try:
            count = view[position]
            position = skip_tags(view, position + 1, count) if count else position + 1
        except IndexError:
            position = size + 1
    if position > size:
        raise Malformed("a request header is cut short")
    return key, version, correlation_id, client_id, position


def encode_response(correlation_id: int, obj: object, version: int, key: int) -> list[Part]:
    """A whole response frame, ready to be written in order: length, header and body.

    Spans and large records are parts of their own; their lengths are counted in the frame.
    """
    cls = type(obj)
    start = _starts.get((cls, version))
    if start is None:
        flexible = key != API_VERSIONS_KEY and schema_of(cls).is_flexible(version)
        start = _starts[cls, version] = _RESPONSE_START_FLEXIBLE if flexible else _RESPONSE_START
    pieces: list[Part] = []
    cuts = encoder(cls, version)(obj, pieces)
    if cuts is None:
        body = b"".join(pieces)  # type: ignore[arg-type]  # spans are always among the cuts
        return [start.pack(len(body) + start.size - 4, correlation_id) + body]
    parts = merge(pieces, cuts)
    size = start.size - 4
    for part in parts:
        size += len(part) if isinstance(part, BYTES) else part.length
    parts[0] = start.pack(size, correlation_id) + parts[0]  # type: ignore[operator]  # a body never begins with records
    return parts


def counted_size(obj: object, version: int) -> int:
    """The bytes of a response that count for a quota, as in Kafka: its length field and its body, not its header."""
    pieces: list[Part] = []
    encoder(type(obj), version)(obj, pieces)
    return 4 + sum(len(part) if isinstance(part, BYTES) else part.length for part in pieces)


def encode_request(correlation_id: int, obj: object, version: int, client_id: str | None = None) -> bytes:
    """A whole request frame: length, header (version 1, or 2 for a flexible body) and body."""
    schema = schema_of(type(obj))
    if schema.key is None or schema.kind != "request":
        raise ValueError(f"{schema.name} is no request")
    name = None if client_id is None else client_id.encode()
    header = _REQUEST_START.pack(schema.key, version, correlation_id, -1 if name is None else len(name))
    header += (name or b"") + (b"\0" if schema.is_flexible(version) else b"")
    frame = header + encode(obj, version)
    return len(frame).to_bytes(4, "big") + frame


def read_response_header(view: bytes | memoryview, flexible: bool) -> tuple[int, int]:
    """Correlation id and the position of the body, of a response without its length.

    flexible is that of the body, and False for ApiVersions in every version. Raises Malformed.
    """
    if len(view) < 4 + flexible:
        raise Malformed(f"a response of {len(view)} bytes has no header")
    correlation_id = int.from_bytes(view[:4], "big", signed=True)
    if not flexible:
        return correlation_id, 4
    try:
        return correlation_id, skip_tags(view, 5, view[4]) if view[4] else 5
    except IndexError:
        raise Malformed("a response header is cut short") from None


class FrameReader:
    """Takes bytes in any slices, gives whole frames (without their length). For tests, tools and the simulator."""

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> None:
        """Add bytes as they arrived."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The next frame, or None until more bytes come. Raises Malformed for a size that is negative or too large."""
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        size = int.from_bytes(buffer[:4], "big", signed=True)
        if not 0 <= size <= self.max_size:
            raise Malformed(f"a frame of {size} bytes; between 0 and {self.max_size} are taken")
        if len(buffer) < size + 4:
            return None
        frame = bytes(buffer[4 : size + 4])
        del buffer[: size + 4]
        return frame
