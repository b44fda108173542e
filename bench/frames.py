"""Produce and Metadata requests as plain bytes, for the raw-socket load and for the first acknowledgement.

The rule of the file: both brokers get the same bytes, built here by hand from the protocol, with no codec of ours.
"""

from __future__ import annotations

import struct

import fastcrc

CLIENT_ID = b"bench"


def _varint(number: int) -> bytes:
    """Encode an unsigned varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _zigzag(number: int) -> bytes:
    """Encode a signed varint."""
    return _varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _framed(key: int, version: int, body: bytes, *, flexible: bool) -> bytes:
    """Put the length and the request header before a body; the correlation id is 0."""
    header = struct.pack(">hhih", key, version, 0, len(CLIENT_ID)) + CLIENT_ID + (b"\0" if flexible else b"")
    return struct.pack(">i", len(header) + len(body)) + header + body


def record_batch(value: bytes) -> bytes:
    """Build a batch (magic 2) of one record without key and headers."""
    record = b"\0" + _zigzag(0) + _zigzag(0) + _zigzag(-1) + _zigzag(len(value)) + value + _zigzag(0)
    records = _zigzag(len(record)) + record
    # attributes, last offset delta, first and max timestamp, producer id, epoch, base sequence, count
    checked = struct.pack(">hiqqqhii", 0, 0, 1_700_000_000_000, 1_700_000_000_000, -1, -1, -1, 1) + records
    tail = struct.pack(">ibI", 0, 2, fastcrc.crc32.iscsi(checked)) + checked
    return struct.pack(">qi", 0, len(tail)) + tail


def produce_frame(topic: str, value: bytes, partition: int = 0) -> bytes:
    """Build a Produce v9 request with acks=all and one record for one partition."""
    name, batch = topic.encode(), record_batch(value)
    data = struct.pack(">i", partition) + _varint(len(batch) + 1) + batch + b"\0"
    topics = _varint(2) + _varint(len(name) + 1) + name + _varint(2) + data + b"\0"
    return _framed(0, 9, b"\0" + struct.pack(">hi", -1, 30_000) + topics + b"\0", flexible=True)


def produce_error_at(topic: str) -> int:
    """Return where the error code (two bytes) lies in the answer to `produce_frame`, after the length.

    Correlation id, tags; one topic and its name; one partition and its index.
    """
    return 4 + 1 + 1 + 1 + len(topic.encode()) + 1 + 4


def produce_partition_at(topic: str) -> int:
    """Return where the partition's index (four bytes) lies in the frame of `produce_frame`, after the length.

    Request header, transactional id, acks and timeout; one topic and its name; one partition.
    """
    return 8 + 2 + len(CLIENT_ID) + 1 + 1 + 6 + 1 + 1 + len(topic.encode()) + 1


def metadata_frame(topic: str) -> bytes:
    """Build a Metadata v4 request for one topic that may be created by it."""
    name = topic.encode()
    return _framed(3, 4, struct.pack(">ih", 1, len(name)) + name + b"\1", flexible=False)
