from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.config_table import BrokerSettings, TopicConfig
from neuraxis.broker.ingest import CODECS, LARGEST_DECOMPRESSED_BYTES, BadRecords, prepare
from neuraxis.broker.work import Now
from neuraxis.wire.batch import check_batch
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.crc import crc32c
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.records import Record, build_batch, iter_records

WALL_MS = 1_750_000_000_000
NOW = Now(5_000, WALL_MS)
HOUR_MS = 3_600_000


def config_of(**configs: str) -> TopicConfig:
    return BrokerSettings({}, {}).topic_config(
        {name.replace("_", "."): value for name, value in configs.items()}
    )


def records_of(count: int = 3, timestamp_ms: int = WALL_MS) -> list[Record]:
    return [Record(each, timestamp_ms + each, b"key", b"value" * 50, (("h", b"x"),)) for each in range(count)]


def batch_view(records: list[Record] | None = None, **options: Any) -> memoryview:
    return memoryview(build_batch(records or records_of(), **options))


def refused(view: memoryview, api_version: int = 12, **configs: str) -> Refused:
    with pytest.raises(Refused) as caught:
        prepare(view, config_of(**configs), NOW, api_version)
    return caught.value


def contents(view: memoryview) -> list[Any]:
    return [
        (record.timestamp_ms, bytes(record.key or b""), bytes(record.value or b""), record.headers)
        for record in iter_records(view)
    ]


def test_a_good_batch_is_stored_as_it_came() -> None:
    view = batch_view(producer_id=9, producer_epoch=1, base_sequence=4)
    before = bytes(view)
    taken, header = prepare(view, config_of(), NOW, 12)
    assert taken is view
    assert bytes(taken) == before
    assert header.producer_id == 9


def test_log_append_time_shows_the_brokers_clock_and_renews_the_checksum() -> None:
    view = batch_view(records_of(timestamp_ms=1_000))
    taken, header = prepare(view, config_of(message_timestamp_type="LogAppendTime"), NOW, 12)
    assert header.max_timestamp == WALL_MS
    assert {timestamp for timestamp, *_ in contents(taken)} == {WALL_MS}
    assert header.crc == crc32c(taken[21:])


@pytest.mark.parametrize("stored", sorted(CODECS))
@pytest.mark.parametrize("sent", list(CompressionType))
def test_a_topic_with_a_codec_recompresses_what_came_otherwise(sent: CompressionType, stored: str) -> None:
    view = batch_view(compression=sent, producer_id=9, producer_epoch=1, base_sequence=4)
    expected = contents(view)
    taken, header = prepare(view, config_of(compression_type=stored), NOW, 12)
    assert header.attributes & 7 == CODECS[stored]
    assert contents(taken) == expected
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (9, 1, 4)
    assert check_batch(taken) == header
    assert (taken is view) == (sent == CODECS[stored])


def test_recompression_and_log_append_time_go_together() -> None:
    configs = {"compression_type": "lz4", "message_timestamp_type": "LogAppendTime"}
    taken, header = prepare(batch_view(), config_of(**configs), NOW, 12)
    assert header.attributes & 7 == CompressionType.LZ4
    assert {timestamp for timestamp, *_ in contents(taken)} == {WALL_MS}


def test_every_codec_of_the_config_table_is_known() -> None:
    from neuraxis.broker.config_table import TOPIC_CONFIGS

    assert set(CODECS) | {"producer"} == set(TOPIC_CONFIGS["compression.type"].allowed.split(","))


def test_a_record_of_a_compacted_topic_needs_a_key_and_each_one_without_is_named() -> None:
    records = [
        record._replace(key=None) if index in (1, 2) else record for index, record in enumerate(records_of())
    ]
    error = refused(batch_view(records), cleanup_policy="compact")
    assert isinstance(error, BadRecords)
    assert error.code == ErrorCode.INVALID_RECORD
    assert [position for position, _ in error.record_errors] == [1, 2]
    assert all("needs a key" in reason for _, reason in error.record_errors)


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_a_compacted_topic_takes_records_with_keys_even_empty_ones(policy: str) -> None:
    records = [record._replace(key=b"") for record in records_of()]
    view = batch_view(records, compression=CompressionType.GZIP)
    assert prepare(view, config_of(cleanup_policy=policy), NOW, 12)[0] is view


@pytest.mark.parametrize("configs", [{"cleanup_policy": "compact"}, {"compression_type": "lz4"}])
def test_a_batch_that_must_be_read_may_not_grow_beyond_64_mib_whatever_the_config_allows(
    configs: dict[str, str],
) -> None:
    records = [Record(0, WALL_MS, b"k", bytes(LARGEST_DECOMPRESSED_BYTES))]
    error = refused(batch_view(records, compression=CompressionType.ZSTD), **configs)
    assert error.code in (ErrorCode.INVALID_RECORD, ErrorCode.MESSAGE_TOO_LARGE)


def test_other_topics_take_records_without_keys() -> None:
    view = batch_view([record._replace(key=None) for record in records_of()])
    assert prepare(view, config_of(), NOW, 12)[0] is view


def test_a_decompression_bomb_for_a_compacted_topic_is_refused() -> None:
    view = batch_view([Record(0, WALL_MS, b"k", bytes(1_000_000))], compression=CompressionType.GZIP)
    assert len(view) < 10_000
    error = refused(view, cleanup_policy="compact", max_decompressed_message_bytes="1000")
    assert error.code in (ErrorCode.INVALID_RECORD, ErrorCode.MESSAGE_TOO_LARGE)


def test_a_timestamp_too_far_ahead_is_refused_and_the_limit_itself_is_taken() -> None:
    limit = WALL_MS + HOUR_MS
    assert prepare(batch_view(records_of(1, limit)), config_of(), NOW, 12)
    error = refused(batch_view(records_of(1, limit + 1)))
    assert error.code == ErrorCode.INVALID_TIMESTAMP
    assert "message.timestamp.after.max.ms" in str(error)


def test_a_timestamp_too_old_is_refused_where_the_topic_says_so() -> None:
    limit = WALL_MS - 1_000
    configs = {"message_timestamp_before_max_ms": "1000"}
    assert prepare(batch_view(records_of(1, limit)), config_of(**configs), NOW, 12)
    assert refused(batch_view(records_of(1, limit - 1)), **configs).code == ErrorCode.INVALID_TIMESTAMP
    assert prepare(batch_view(records_of(1, limit - 1)), config_of(), NOW, 12), (
        "by default the past is welcome"
    )


def test_log_append_time_does_not_ask_when_a_record_says_it_was_made() -> None:
    view = batch_view(records_of(1, WALL_MS + 9 * HOUR_MS))
    assert prepare(view, config_of(message_timestamp_type="LogAppendTime"), NOW, 12)


def test_a_batch_above_max_message_bytes_is_too_large_and_one_of_exactly_that_size_is_taken() -> None:
    view = batch_view()
    assert prepare(view, config_of(max_message_bytes=str(len(view))), NOW, 12)
    assert refused(view, max_message_bytes=str(len(view) - 1)).code == ErrorCode.MESSAGE_TOO_LARGE


def test_zstd_needs_produce_version_7() -> None:
    view = batch_view(compression=CompressionType.ZSTD)
    assert refused(view, api_version=6).code == ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    assert prepare(view, config_of(), NOW, 7)


def test_a_damaged_batch_is_corrupt() -> None:
    view = batch_view()
    view[-1] ^= 1
    assert refused(view).code == ErrorCode.CORRUPT_MESSAGE


def test_two_batches_are_one_too_many() -> None:
    view = memoryview(bytearray(bytes(batch_view()) * 2))
    assert refused(view).code == ErrorCode.INVALID_RECORD


def test_a_batch_of_a_transaction_stays_one_when_the_topic_recompresses() -> None:
    for config in (config_of(), config_of(compression_type="gzip")):
        view = batch_view(producer_id=9, producer_epoch=0, base_sequence=0, transactional=True)
        _, header = prepare(view, config, NOW, 9)
        assert header.is_transactional
        assert (header.producer_id, header.base_sequence) == (9, 0)
