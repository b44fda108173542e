"""The records inside a batch: iterate over them, build a batch of them.

Rule of the file: not on the produce or fetch path. It serves what must know single records: the coordinators' logs,
compacted topics, tools. A malformed batch raises Refused, and nothing else escapes.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from neuraxis.wire.batch import (
    APPEND_TIME_BIT,
    CONTROL_BIT,
    DELETE_HORIZON_BIT,
    HEADER_SIZE,
    MAGIC,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    NO_TIMESTAMP,
    TRANSACTIONAL_BIT,
    BatchHeader,
    assemble_batch,
    read_header,
)
from neuraxis.wire.compression import DEFAULT_MAX_DECOMPRESSED_BYTES, CompressionType, compress, decompress
from neuraxis.wire.crc import Buffer
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.primitives import Malformed, encode_varlong, read_varlong

NO_PARTITION_LEADER_EPOCH = -1  # what a client writes, and the broker replaces

_INT64 = 1 << 63
_NULL = encode_varlong(-1)

_Payload = bytes | memoryview
Headers = tuple[tuple[str, bytes | None], ...]


class Record(NamedTuple):
    """One record. Bytes of a header key that are no UTF-8 are lone surrogates, so that it can be written again."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def iter_records(
    batch_view: Buffer, max_decompressed_bytes: int = DEFAULT_MAX_DECOMPRESSED_BYTES
) -> Iterator[Record]:
    """The records of the batch at the start of `batch_view`, whose checksum the caller has checked.

    Raises Refused: CORRUPT_MESSAGE for a damaged batch or compression, INVALID_RECORD for a record against the
    format or more than `max_decompressed_bytes`.
    """
    header = read_header(batch_view)
    if header.magic != MAGIC or not HEADER_SIZE <= header.size <= len(batch_view):
        raise Refused(ErrorCode.CORRUPT_MESSAGE, "This is not a whole record batch of format v2.")
    payload = memoryview(batch_view)[HEADER_SIZE : header.size]
    decompressed = decompress(header.compression, payload, max_decompressed_bytes)
    data = memoryview(decompressed) if isinstance(decompressed, bytearray) else decompressed
    position = 0
    last_offset = header.base_offset - 1
    try:
        for _ in range(header.record_count):
            record, position = _read_record(data, position, header)
            if not last_offset < record.offset <= header.last_offset:
                raise Malformed("offsets do not rise within the batch")
            last_offset = record.offset
            yield record
    except (IndexError, Malformed) as error:
        raise Refused(ErrorCode.INVALID_RECORD, "A record of the batch is cut short or damaged.") from error
    if header.record_count < 0 or position != len(data):
        raise Refused(
            ErrorCode.INVALID_RECORD,
            f"The batch does not hold the {header.record_count} records that it claims.",
        )


def _read_record(data: _Payload, position: int, header: BatchHeader) -> tuple[Record, int]:
    """The record at `position` and the position after it. Raises IndexError or Malformed besides Refused."""
    size, position = read_varlong(data, position)
    end = position + size
    if not position < end <= len(data):
        raise Malformed("the record is longer than its batch")
    timestamp_delta, position = read_varlong(
        data, position + 1
    )  # after the attributes, which mean nothing yet
    offset_delta, position = read_varlong(data, position)
    key, position = _read_bytes(data, position, end)
    value, position = _read_bytes(data, position, end)
    headers: Headers = ()
    if data[position]:  # almost always there are none
        headers, position = _read_headers(data, position, end)
    else:
        position += 1
    if position != end:
        raise Malformed("the parts of the record do not add up to its length")
    timestamp_ms = header.max_timestamp if header.is_append_time else header.base_timestamp + timestamp_delta
    if not -_INT64 <= timestamp_ms < _INT64:
        timestamp_ms = _wrapped(timestamp_ms)
    return Record(header.base_offset + offset_delta, timestamp_ms, key, value, headers), position


def _read_bytes(data: _Payload, position: int, end: int) -> tuple[bytes | None, int]:
    """The nullable bytes at `position`, which must end by `end`."""
    size, position = read_varlong(data, position)
    if size < 0:
        if size == -1:
            return None, position
        raise Malformed("a negative length that is not null")
    after = position + size
    if after > end:
        raise Malformed("bytes longer than their record")
    return bytes(data[position:after]), after


def _read_headers(data: _Payload, position: int, end: int) -> tuple[Headers, int]:
    """The headers at `position`; a claimed number costs nothing until it is really there."""
    count, position = read_varlong(data, position)
    if count < 0:
        raise Malformed("a negative number of headers")
    headers = []
    for _ in range(count):
        name, position = _read_bytes(data, position, end)
        if name is None:
            raise Malformed("a header without a key")
        value, position = _read_bytes(data, position, end)
        headers.append((name.decode("utf-8", "surrogateescape"), value))
    return tuple(headers), position


def _wrapped(value: int) -> int:
    """`value` in 64 bits, as Java's arithmetic on hostile timestamps gives it."""
    return (value + _INT64) % (2 * _INT64) - _INT64


def build_batch(
    records: Sequence[Record],
    *,
    base_offset: int = 0,
    compression: CompressionType = CompressionType.NONE,
    compression_level: int | None = None,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
    transactional: bool = False,
    control: bool = False,
    append_time_ms: int | None = None,
    delete_horizon_ms: int | None = None,
    last_offset_delta: int | None = None,
    max_timestamp_ms: int | None = None,
    partition_leader_epoch: int = NO_PARTITION_LEADER_EPOCH,
) -> bytearray:
    """A batch of `records`, whose offsets must be `base_offset` or more and rise.

    `append_time_ms` makes that the time of all of them; `delete_horizon_ms` is when compaction may drop tombstones;
    `last_offset_delta` and `max_timestamp_ms` keep the end of a batch whose last records are gone, perhaps all.
    """
    deltas, last_delta = _offset_deltas(records, base_offset, last_offset_delta)
    times = [record.timestamp_ms for record in records] or [NO_TIMESTAMP]
    base_timestamp = times[0] if delete_horizon_ms is None else delete_horizon_ms
    if append_time_ms is not None:
        max_timestamp_ms = append_time_ms
    elif max_timestamp_ms is None:
        max_timestamp_ms = max(times)
    body = b"".join(
        _encode_record(record, delta, base_timestamp) for record, delta in zip(records, deltas, strict=True)
    )
    if records:  # an emptied batch is not compressed
        body = compress(compression, body, compression_level)
    else:
        compression = CompressionType.NONE
    attributes = (
        compression
        | (APPEND_TIME_BIT if append_time_ms is not None else 0)
        | (TRANSACTIONAL_BIT if transactional else 0)
        | (CONTROL_BIT if control else 0)
        | (DELETE_HORIZON_BIT if delete_horizon_ms is not None else 0)
    )
    header = BatchHeader(
        base_offset=base_offset,
        batch_length=0,
        partition_leader_epoch=partition_leader_epoch,
        magic=MAGIC,
        crc=0,
        attributes=attributes,
        last_offset_delta=last_delta,
        base_timestamp=base_timestamp,
        max_timestamp=max_timestamp_ms,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        base_sequence=base_sequence,
        record_count=len(records),
    )
    return assemble_batch(header, body)


def _offset_deltas(
    records: Sequence[Record], base_offset: int, last_offset_delta: int | None
) -> tuple[list[int], int]:
    """Where the records and the end of the batch lie after `base_offset`. Raises ValueError for a wrong call."""
    if not records and last_offset_delta is None:
        raise ValueError("a batch needs a record, or last_offset_delta to stand for removed ones")
    deltas = [record.offset - base_offset for record in records]
    last_delta = deltas[-1] if last_offset_delta is None else last_offset_delta
    if any(later <= earlier for earlier, later in pairwise([-1, *deltas, last_delta + 1])):
        raise ValueError(f"offsets must rise from {base_offset} and end by the last offset")
    return deltas, last_delta


def _encode_record(record: Record, offset_delta: int, base_timestamp: int) -> bytes:
    """The bytes of one record, its length first."""
    parts = [
        b"\x00",
        encode_varlong(_wrapped(record.timestamp_ms - base_timestamp)),
        encode_varlong(offset_delta),
        _encode_bytes(record.key),
        _encode_bytes(record.value),
        encode_varlong(len(record.headers)),
    ]
    for name, value in record.headers:
        parts += (_encode_bytes(name.encode("utf-8", "surrogateescape")), _encode_bytes(value))
    body = b"".join(parts)
    return encode_varlong(len(body)) + body


def _encode_bytes(value: bytes | None) -> bytes:
    """Nullable bytes after their length."""
    return _NULL if value is None else encode_varlong(len(value)) + value
