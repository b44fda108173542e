"""What a topic's configuration asks of a client's batch before it is appended. Records are read only where needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire import batch as batches
from neuraxis.wire.batch import CODEC_MASK
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.records import build_batch, iter_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.config_table import TopicConfig
    from neuraxis.broker.work import Now
    from neuraxis.wire.batch import BatchHeader
    from neuraxis.wire.records import Record

ZSTD_SINCE_VERSION = 7
"""Produce versions below this one come from clients that know no zstd."""

LARGEST_DECOMPRESSED_BYTES = 64 << 20
"""A batch whose records must be read is decompressed in one piece on the loop. Kafka's own default, two gigabytes, would let
one request of 100 KB take all memory; `max.decompressed.message.bytes` can only lower this."""

CODECS = {
    "uncompressed": CompressionType.NONE,
    "gzip": CompressionType.GZIP,
    "snappy": CompressionType.SNAPPY,
    "lz4": CompressionType.LZ4,
    "zstd": CompressionType.ZSTD,
}
"""The codec that a topic's compression.type asks for; `producer` leaves each batch as it came."""


class BadRecords(Refused):
    """A batch refused for single records of it; `record_errors` holds (position in the batch, reason)."""

    def __init__(self, message: str, record_errors: list[tuple[int, str]]) -> None:
        super().__init__(ErrorCode.INVALID_RECORD, message)
        self.record_errors = record_errors


def prepare(
    records: memoryview, config: TopicConfig, now: Now, api_version: int
) -> tuple[memoryview, BatchHeader]:
    """Check the records of one partition of a Produce request and bring them into the form that is stored.

    Args:
        records: exactly one record batch, writable.
        config: the topic's effective configuration.
        now: the clocks; the wall clock judges timestamps.
        api_version: the Produce version, for the codecs it may carry.

    Returns:
        The view to append (the same one unless the topic recompresses) and its header.

    Raises:
        Refused: with the code and reason that the partition is answered with.
    """
    header = batches.check_batch(records, max_size=config.max_message_bytes)
    codec = header.attributes & CODEC_MASK
    if api_version < ZSTD_SINCE_VERSION and codec == CompressionType.ZSTD:
        raise Refused(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, "zstd needs Produce version 7 or newer.")
    if config.stores_as_sent:
        _check_timestamps(header, config, now)
        return records, header
    if config.compacted:
        _require_keys(records, config)
    wanted = CODECS.get(config.compression_type)
    if wanted is not None and wanted != codec:
        records, header = _recompress(records, header, wanted, config)
    if config.log_append_time:
        batches.set_append_time(records, now.wall_ms)
        header = batches.read_header(records)
    else:
        _check_timestamps(header, config, now)
    return records, header


def _check_timestamps(header: BatchHeader, config: TopicConfig, now: Now) -> None:
    newest = now.wall_ms + config.message_timestamp_after_max_ms
    oldest = now.wall_ms - config.message_timestamp_before_max_ms
    if header.max_timestamp > newest or (header.base_timestamp != -1 and header.base_timestamp < oldest):
        raise Refused(
            ErrorCode.INVALID_TIMESTAMP,
            f"The timestamps {header.base_timestamp} to {header.max_timestamp} are not within the topic's bounds, "
            f"{oldest} to {newest}; see message.timestamp.before.max.ms and message.timestamp.after.max.ms.",
        )


def _records(records: memoryview, config: TopicConfig) -> Iterator[Record]:
    return iter_records(records, min(config.max_decompressed_message_bytes, LARGEST_DECOMPRESSED_BYTES))


def _require_keys(records: memoryview, config: TopicConfig) -> None:
    missing = [
        (position, "A record of a compacted topic needs a key.")
        for position, record in enumerate(_records(records, config))
        if record.key is None
    ]
    if missing:
        raise BadRecords("One or more records have been rejected: a compacted topic needs keys.", missing)


def _recompress(
    records: memoryview, header: BatchHeader, codec: CompressionType, config: TopicConfig
) -> tuple[memoryview, BatchHeader]:
    rebuilt = build_batch(
        list(_records(records, config)),
        compression=codec,
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
        transactional=header.is_transactional,
    )
    view = memoryview(rebuilt)
    return view, batches.read_header(view)
