"""The small encodings under every message: variable-length integers, and the error for bytes that are not a message."""

from __future__ import annotations

MAX_ARRAY = 1_000_000
"""Elements of one array: Kafka 4.4 refuses more before it allocates."""

MAX_TAGS = 10_000
"""Tagged fields of one struct: Kafka 4.4 refuses more."""

MAX_STRING = 32_767
"""Bytes of one string: the 16-bit length of the older encoding, kept by Kafka in the newer one."""


class Malformed(ValueError):
    """The bytes are not what they claim to be; the peer broke the protocol and its connection closes."""


def read_uvarint(view: bytes | memoryview, position: int) -> tuple[int, int]:
    """An unsigned varint of at most 5 bytes and 31 bits, and the position after it.

    Raises IndexError at the end of the input (decoders translate it) and Malformed when it is too long.
    """
    byte = view[position]
    position += 1
    if byte < 128:
        return byte, position
    return continue_uvarint(view, position, byte)


def continue_uvarint(view: bytes | memoryview, position: int, first: int) -> tuple[int, int]:
    """The same, when the first byte (128 or more) was already read."""
    value = first & 127
    for shift in (7, 14, 21, 28):
        byte = view[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if value > 0x7FFFFFFF:
                raise Malformed(f"variable-length integer {value} is above 2147483647")
            return value, position
    raise Malformed("variable-length integer has more than 5 bytes")


def encode_uvarint(value: int) -> bytes:
    """An unsigned varint; value must not be negative."""
    if value < 128:
        return UVARINTS[value]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varlong(view: bytes | memoryview, position: int) -> tuple[int, int]:
    """A zigzag varint of up to 64 bits (record fields), and the position after it. Errors as read_uvarint."""
    value = shift = 0
    while shift < 70:
        byte = view[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            value &= 0xFFFFFFFFFFFFFFFF
            return (value >> 1) ^ -(value & 1), position
        shift += 7
    raise Malformed("variable-length integer has more than 10 bytes")


def encode_varlong(value: int) -> bytes:
    """A zigzag varint of a signed 64-bit integer."""
    return encode_uvarint((value << 1) ^ (value >> 63))


def skip_tags(view: bytes | memoryview, position: int, count: int) -> int:
    """The position after a tag section of which nothing is known; count is its first byte, already read, not 0."""
    if count > 127:
        count, position = continue_uvarint(view, position, count)
    if count > MAX_TAGS:
        raise Malformed(f"{count} tagged fields in one struct; at most {MAX_TAGS} are taken")
    for _ in range(count):
        _, position = read_uvarint(view, position)
        size, position = read_uvarint(view, position)
        position += size
    return position


UVARINTS = tuple(bytes([value]) for value in range(128))
"""The one-byte varints, by value."""
