"""A record batch (format v2) seen through a memoryview: headers, checks, the fields a broker may patch, markers.

Rule of the file: look at the 61 bytes of the header and at the checksum, never at the records. Control batches,
whose single record is read and built here, are the one exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from struct import error as StructError
from typing import NamedTuple

from neuraxis.wire.crc import Buffer, crc32c
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.primitives import Malformed, read_varlong

HEADER_SIZE = 61
LOG_OVERHEAD = 12  # base offset and batch length, which batch_length itself does not count
MAGIC = 2

CODEC_MASK = 0x07
APPEND_TIME_BIT = 0x08
TRANSACTIONAL_BIT = 0x10
CONTROL_BIT = 0x20
DELETE_HORIZON_BIT = 0x40

NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_SEQUENCE = -1
NO_TIMESTAMP = -1

_MAX_CODEC = 4  # none, gzip, snappy, lz4, zstd
_MIN_BATCH_LENGTH = HEADER_SIZE - LOG_OVERHEAD
_MIN_LEGACY_LENGTH = 14  # the shortest record of formats v0 and v1, which Kafka takes as the limit of sense
_SEQUENCE_MASK = 0x7FFFFFFF
_LENGTH_AT = 8
_LEADER_EPOCH_AT = 12
_MAGIC_AT = 16
_CRC_AT = 17
_CRC_FROM = 21  # the checksum covers everything from the attributes on
_MAX_TIMESTAMP_AT = 35

_HEADER = Struct(">qiibIhiqqqhii")
_INT64 = Struct(">q")
_INT32 = Struct(">i")
_UINT32 = Struct(">I")
_INT16 = Struct(">h")
_CONTROL_KEY = Struct(">hh")  # version, type
_CONTROL_VALUE = Struct(">hi")  # version, coordinator epoch

_unpack_header = _HEADER.unpack_from
_new = tuple.__new__  # BatchHeader._make without its check of the length: 80 ns less for each batch


class BatchHeader(NamedTuple):
    """The header of one record batch, in the order of its bytes. Timestamps are milliseconds since 1970."""

    base_offset: int
    batch_length: int
    partition_leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    def placed(self, base_offset: int, leader_epoch: int) -> BatchHeader:
        """The same header at its place in a log. (`_replace` costs five times as much, on every produce.)"""
        return _new(BatchHeader, (base_offset, self[1], leader_epoch, *self[3:]))

    @property
    def size(self) -> int:
        """The bytes of the whole batch, header included."""
        return self.batch_length + LOG_OVERHEAD

    @property
    def last_offset(self) -> int:
        """The offset of the last record, also of one that compaction has removed."""
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        """The offset of the batch that follows."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def compression(self) -> int:
        """The number of the codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."""
        return self.attributes & CODEC_MASK

    @property
    def is_append_time(self) -> bool:
        """Whether every record has max_timestamp, set by a broker, as its time."""
        return self.attributes & APPEND_TIME_BIT != 0

    @property
    def is_transactional(self) -> bool:
        """Whether the batch belongs to a transaction."""
        return self.attributes & TRANSACTIONAL_BIT != 0

    @property
    def is_control(self) -> bool:
        """Whether the batch is a marker of the broker and not data."""
        return self.attributes & CONTROL_BIT != 0

    @property
    def has_delete_horizon(self) -> bool:
        """Whether base_timestamp is the time from which compaction may drop the tombstones of this batch."""
        return self.attributes & DELETE_HORIZON_BIT != 0

    @property
    def has_producer_id(self) -> bool:
        """Whether an idempotent or transactional producer wrote it."""
        return self.producer_id > NO_PRODUCER_ID

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last record (they wrap after 2^31 - 1); -1 without a producer's sequence."""
        if self.base_sequence == NO_SEQUENCE:
            return NO_SEQUENCE
        return (self.base_sequence + self.last_offset_delta) & _SEQUENCE_MASK


def read_header(buffer: Buffer, position: int = 0) -> BatchHeader:
    """The header at `position`, unchecked. Raises Refused (CORRUPT_MESSAGE) if fewer than 61 bytes are there."""
    if position < 0 or len(buffer) - position < HEADER_SIZE:
        raise Refused(ErrorCode.CORRUPT_MESSAGE, "A record batch is cut short within its header.")
    return _new(BatchHeader, _unpack_header(buffer, position))


def check_batch(view: memoryview, *, max_size: int | None = None) -> BatchHeader:
    """Check what a client wants appended: `view` must be exactly one good batch. Returns its header.

    `max_size` is max.message.bytes. Raises Refused, in the order and with the codes of Kafka 4.4.0, which reads
    the records as well. We do not, and differ in this:

    - an unknown codec is 76 (Kafka: -1); bytes after the batch, too few for another, are 87 (Kafka drops them);
    - what Kafka repairs we refuse: the append time bit and a maximum timestamp before the first one, both 32;
    - a producer id without an epoch and a transactional batch without a producer id are 87 (Kafka takes them).
    """
    size = len(view)
    if size < HEADER_SIZE:
        raise _not_one_batch(view)
    header = _new(BatchHeader, _unpack_header(view))
    if header.batch_length != size - LOG_OVERHEAD or header.magic != MAGIC:
        raise _not_one_batch(view)
    if header.base_offset != 0:
        raise Refused(
            ErrorCode.INVALID_RECORD, f"The base offset of a new batch is 0, not {header.base_offset}."
        )
    if max_size is not None and size > max_size:
        raise Refused(
            ErrorCode.MESSAGE_TOO_LARGE,
            f"The record batch has {size} bytes, more than max.message.bytes, {max_size}.",
        )
    if crc32c(view[_CRC_FROM:]) != header.crc:
        raise Refused(ErrorCode.CORRUPT_MESSAGE, "The checksum of the record batch is wrong.")
    _check_fields(header)
    return header


class NotOneBatch(Refused):
    """The bytes are not exactly one batch of format v2: refused as a request, before any log is looked at."""


def _not_one_batch(view: memoryview) -> NotOneBatch:
    """Say in which way `view` is not exactly one batch of format v2."""
    size = len(view)
    incomplete = NotOneBatch(ErrorCode.INVALID_RECORD, "There is no whole record batch for the partition.")
    senseless = NotOneBatch(ErrorCode.CORRUPT_MESSAGE, "The header of the record batch makes no sense.")
    if size < LOG_OVERHEAD:
        return incomplete
    batch_size = _INT32.unpack_from(view, _LENGTH_AT)[0] + LOG_OVERHEAD
    if batch_size < LOG_OVERHEAD + _MIN_LEGACY_LENGTH:
        return senseless
    magic = view[_MAGIC_AT] if size > _MAGIC_AT else MAGIC
    if magic < MAGIC:
        return NotOneBatch(
            ErrorCode.INVALID_RECORD, f"Record format v{magic} is not taken; the client must write format v2."
        )
    if magic > MAGIC or batch_size < HEADER_SIZE:
        return senseless
    if batch_size > size:
        return incomplete
    rest = view[batch_size:]
    if len(rest) >= LOG_OVERHEAD and _INT32.unpack_from(rest, _LENGTH_AT)[0] < _MIN_LEGACY_LENGTH:
        return senseless
    return NotOneBatch(
        ErrorCode.INVALID_RECORD, "There must be one record batch for the partition and no more."
    )


def _check_fields(header: BatchHeader) -> None:
    """Check the fields of a client's header against each other."""
    attributes = header.attributes
    if header.record_count <= 0 or header.last_offset_delta != header.record_count - 1:
        raise Refused(
            ErrorCode.INVALID_RECORD,
            f"The batch counts {header.record_count} records, "
            f"but the last has offset delta {header.last_offset_delta}.",
        )
    if attributes & CONTROL_BIT:
        raise Refused(ErrorCode.INVALID_RECORD, "Clients may not write control batches.")
    if attributes & CODEC_MASK > _MAX_CODEC:
        raise Refused(
            ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
            f"There is no codec {attributes & CODEC_MASK} (0 to 4 exist).",
        )
    if attributes & APPEND_TIME_BIT:
        raise Refused(ErrorCode.INVALID_TIMESTAMP, "Only the broker may set log append time.")
    # old clients that do not know the maximum send -1
    if header.max_timestamp < header.base_timestamp and header.max_timestamp != NO_TIMESTAMP:
        raise Refused(
            ErrorCode.INVALID_TIMESTAMP,
            f"The maximum timestamp {header.max_timestamp} is before the first, {header.base_timestamp}.",
        )
    if header.producer_id >= 0:
        if header.producer_epoch < NO_PRODUCER_EPOCH and header.base_sequence >= 0:
            raise Refused(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"The epoch {header.producer_epoch} of producer {header.producer_id} is older than any.",
            )
        if header.producer_epoch < 0 or header.base_sequence < 0:
            raise Refused(
                ErrorCode.INVALID_RECORD,
                f"Producer {header.producer_id} gave epoch {header.producer_epoch} "
                f"and sequence {header.base_sequence}.",
            )
    elif attributes & TRANSACTIONAL_BIT:
        raise Refused(ErrorCode.INVALID_RECORD, "A transactional batch needs a producer id.")


def is_valid_batch(view: memoryview, position: int, limit: int) -> BatchHeader | None:
    """The header, if a whole, well-formed batch with a right checksum lies at `position` and ends by `limit`.

    For recovery: it takes whatever a log may hold, control batches and compacted ones included.
    """
    if position < 0 or limit > len(view) or limit - position < HEADER_SIZE:
        return None
    header = _new(BatchHeader, _unpack_header(view, position))
    end = position + LOG_OVERHEAD + header.batch_length
    if header.magic != MAGIC or header.batch_length < _MIN_BATCH_LENGTH or end > limit:
        return None
    if header.base_offset < 0 or not 0 <= header.record_count <= header.last_offset_delta + 1:
        return None  # compaction keeps an emptied batch for its sequence numbers: no records, but a delta
    if header.attributes & CODEC_MASK > _MAX_CODEC:
        return None
    return header if crc32c(view[position + _CRC_FROM : end]) == header.crc else None


def scan_headers(
    view: memoryview, position: int = 0, limit: int | None = None
) -> Iterator[tuple[int, BatchHeader]]:
    """Each (position, header) of the batches from `position` on, unchecked, up to an incomplete tail.

    Raises Refused (CORRUPT_MESSAGE) at a length that no batch can have, where nothing after it can be found.
    """
    end = len(view) if limit is None else min(limit, len(view))
    while end - position >= HEADER_SIZE:
        header = _new(BatchHeader, _unpack_header(view, position))
        if header.batch_length < _MIN_BATCH_LENGTH:
            raise Refused(
                ErrorCode.CORRUPT_MESSAGE, f"At byte {position} a batch claims {header.batch_length} bytes."
            )
        following = position + LOG_OVERHEAD + header.batch_length
        if following > end:
            return
        yield position, header
        position = following


def set_offset(view: memoryview | bytearray, base_offset: int, leader_epoch: int, position: int = 0) -> None:
    """Write the base offset and the partition leader epoch into the batch; neither is under the checksum."""
    _INT64.pack_into(view, position, base_offset)
    _INT32.pack_into(view, position + _LEADER_EPOCH_AT, leader_epoch)


def set_append_time(view: memoryview | bytearray, timestamp_ms: int) -> None:
    """Make `timestamp_ms` the time of every record of the batch that `view` is, and renew the checksum."""
    attributes = _INT16.unpack_from(view, _CRC_FROM)[0] | APPEND_TIME_BIT
    _INT16.pack_into(view, _CRC_FROM, attributes)
    _INT64.pack_into(view, _MAX_TIMESTAMP_AT, timestamp_ms)
    renew_checksum(view)


def renew_checksum(view: memoryview | bytearray) -> None:
    """Write the checksum of the batch that `view` is."""
    with memoryview(view) as whole, whole[_CRC_FROM:] as covered:
        checksum = crc32c(covered)
    _UINT32.pack_into(view, _CRC_AT, checksum)


def assemble_batch(header: BatchHeader, body: bytes) -> bytearray:
    """The batch of `header` and the records in `body`; length and checksum are computed, not taken from `header`."""
    batch = bytearray(HEADER_SIZE + len(body))
    _HEADER.pack_into(batch, 0, *header._replace(batch_length=len(batch) - LOG_OVERHEAD))
    batch[HEADER_SIZE:] = body
    renew_checksum(batch)
    return batch


class ControlType(IntEnum):
    """How a transaction ended, as the marker of its control batch says."""

    ABORT = 0
    COMMIT = 1


class ControlMarker(NamedTuple):
    """The end of one producer's transaction in a partition; the epoch is that of the transaction coordinator."""

    type: ControlType
    coordinator_epoch: int


def build_control_batch(
    control_type: ControlType,
    producer_id: int,
    producer_epoch: int,
    coordinator_epoch: int,
    timestamp_ms: int,
    *,
    base_offset: int = 0,
    partition_leader_epoch: int = 0,
) -> bytearray:
    """A batch of one marker that ends the transaction of a producer, as a transaction coordinator writes it."""
    # length 16, attributes, timestamp delta, offset delta, key of 4 bytes, value of 6 bytes, no headers
    record = b"".join(
        (
            b"\x20\x00\x00\x00\x08",
            _CONTROL_KEY.pack(0, control_type),
            b"\x0c",
            _CONTROL_VALUE.pack(0, coordinator_epoch),
            b"\x00",
        )
    )
    header = BatchHeader(
        base_offset=base_offset,
        batch_length=0,
        partition_leader_epoch=partition_leader_epoch,
        magic=MAGIC,
        crc=0,
        attributes=TRANSACTIONAL_BIT | CONTROL_BIT,
        last_offset_delta=0,
        base_timestamp=timestamp_ms,
        max_timestamp=timestamp_ms,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        base_sequence=NO_SEQUENCE,
        record_count=1,
    )
    return assemble_batch(header, record)


def read_control_marker(view: Buffer, position: int = 0) -> ControlMarker | None:
    """The marker in the control batch at `position`; None for a control type that is no end of a transaction.

    Raises Refused (CORRUPT_MESSAGE) if the batch is not one uncompressed control record.
    """
    header = read_header(view, position)
    end = position + header.size
    if not header.is_control or header.record_count != 1 or header.compression or end > len(view):
        raise Refused(ErrorCode.CORRUPT_MESSAGE, "This is not a control batch of one record.")
    record = memoryview(view)[position + HEADER_SIZE : end]
    try:
        _, at = read_varlong(record, 0)
        _, at = read_varlong(record, at + 1)  # the timestamp delta, after one byte of attributes
        _, at = read_varlong(record, at)  # the offset delta
        key_size, at = read_varlong(record, at)
        _, control_type = _CONTROL_KEY.unpack(record[at : at + min(key_size, _CONTROL_KEY.size)])
        if control_type not in (ControlType.ABORT, ControlType.COMMIT):
            return None
        value_size, at = read_varlong(record, at + key_size)
        _, coordinator_epoch = _CONTROL_VALUE.unpack(record[at : at + min(value_size, _CONTROL_VALUE.size)])
    except (IndexError, Malformed, StructError) as error:
        raise Refused(ErrorCode.CORRUPT_MESSAGE, "The record of a control batch is damaged.") from error
    return ControlMarker(ControlType(control_type), coordinator_epoch)


def read_control_type(view: Buffer, position: int = 0) -> ControlType | None:
    """Whether the control batch at `position` commits or aborts; None if it does neither."""
    marker = read_control_marker(view, position)
    return None if marker is None else marker.type
