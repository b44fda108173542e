"""The records of a batch, both ways against kafka-python's and aiokafka's record code, and against hostile bytes."""

import contextlib
import struct
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import batches as fuzzing
from neuraxis.wire.batch import HEADER_SIZE, check_batch, is_valid_batch, read_header, renew_checksum
from neuraxis.wire.compression import CompressionType, compress
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.primitives import encode_varlong
from neuraxis.wire.records import Record, build_batch, iter_records
from tests.wire import oracles

NOW = 1_700_000_000_000
BATCHES = [oracles.KafkaPythonBatch, oracles.AiokafkaBatch, oracles.AiokafkaPlainBatch]
BUILDERS = [oracles.KafkaPythonBuilder, oracles.AiokafkaBuilder, oracles.AiokafkaPlainBuilder]
CODECS = list(CompressionType)

RECORDS = [
    Record(0, NOW, b"key", b"value"),
    Record(1, NOW - 5_000, None, b"older than the first"),
    Record(2, NOW + 70_000, b"", b""),
    Record(3, NOW, b"tombstone", None),
    Record(
        4, NOW, None, None, (("h", b"1"), ("h", b"2"), ("empty", b""), ("null", None), ("grüße", b"\xff\x00"))
    ),
    Record(5, NOW + 1, b"k" * 200, b"v" * 20_000),
]

byte_strings = st.none() | st.binary(max_size=80)
headers = st.lists(
    st.tuples(st.text(max_size=9).filter(lambda t: t.isascii() or t.isprintable()), byte_strings), max_size=4
)
record_lists = st.lists(
    st.builds(Record, st.just(0), st.integers(0, 2**45), byte_strings, byte_strings, headers.map(tuple)),
    min_size=1,
    max_size=12,
).map(lambda records: [record._replace(offset=offset) for offset, record in enumerate(records)])


def theirs(records: Sequence[Record], batch: type, raw: bytes) -> None:
    """Assert that another client sees `records` in `raw`."""
    seen = batch(raw)
    assert seen.validate_crc()
    found = list(seen)
    assert [(r.offset, r.timestamp, r.key, r.value) for r in found] == [record[:4] for record in records]
    assert [tuple((key, value) for key, value in r.headers) for r in found] == [
        record.headers for record in records
    ]


def built_by(builder: type, records: Sequence[Record], codec: int, **state: int) -> bytes:
    """What another client writes."""
    options = {"is_transactional": 0, "producer_id": -1, "producer_epoch": -1, "base_sequence": -1} | state
    batch = builder(magic=2, compression_type=codec, batch_size=1 << 24, **options)
    for record in records:
        assert batch.append(
            record.offset, record.timestamp_ms, record.key, record.value, list(record.headers)
        )
    return bytes(batch.build())


def refused(batch: bytes | bytearray, max_bytes: int = 1 << 20) -> ErrorCode:
    with pytest.raises(Refused) as caught:
        list(iter_records(batch, max_bytes))
    return caught.value.code


def raw_batch(body: bytes, count: int, codec: int = 0, last_delta: int | None = None) -> bytearray:
    """A batch of hand-made record bytes, checksum right."""
    batch = build_batch([Record(0, NOW, None, None)])[:HEADER_SIZE] + body
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    struct.pack_into(">hi", batch, 21, codec, count - 1 if last_delta is None else last_delta)
    struct.pack_into(">i", batch, 57, count)
    renew_checksum(batch)
    return batch


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("batch", BATCHES)
def test_others_read_what_we_build(codec: CompressionType, batch: type) -> None:
    raw = build_batch(RECORDS, compression=codec)
    assert check_batch(memoryview(raw)).compression == codec
    theirs(RECORDS, batch, bytes(raw))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("builder", BUILDERS)
def test_we_read_what_others_build(codec: CompressionType, builder: type) -> None:
    raw = built_by(builder, RECORDS, codec)
    header = check_batch(memoryview(raw))
    assert (header.compression, header.record_count, header.max_timestamp) == (codec, 6, NOW + 70_000)
    assert list(iter_records(raw)) == RECORDS


@settings(deadline=None)
@given(record_lists, st.sampled_from(BUILDERS), st.sampled_from(BATCHES))
def test_uncompressed_batches_are_byte_equal_with_other_clients(
    records: list[Record], builder: type, batch: type
) -> None:
    ours = build_batch(
        records,
        producer_id=77,
        producer_epoch=3,
        base_sequence=9,
        transactional=True,
        partition_leader_epoch=0,
    )
    state = {"producer_id": 77, "producer_epoch": 3, "base_sequence": 9, "is_transactional": 1}
    their_bytes = bytearray(built_by(builder, records, 0, **state))
    their_bytes[12:16] = bytes(4)  # the partition leader epoch is not the client's
    assert ours == their_bytes
    theirs(records, batch, bytes(ours))
    assert list(iter_records(memoryview(ours))) == records


@given(record_lists, st.sampled_from(CODECS), st.integers(0, 2**60), st.none() | st.integers(0, 2**50))
def test_round_trip(records: list[Record], codec: CompressionType, base: int, horizon_ms: int | None) -> None:
    moved = [
        record._replace(offset=base + 2 * record.offset) for record in records
    ]  # with gaps, as compaction leaves
    raw = build_batch(moved, base_offset=base, compression=codec, delete_horizon_ms=horizon_ms)
    header = is_valid_batch(memoryview(raw), 0, len(raw))
    assert header is not None
    assert header.last_offset == moved[-1].offset
    assert header.max_timestamp == max(record.timestamp_ms for record in records)
    assert list(iter_records(raw)) == moved


def test_one_golden_batch_with_everything() -> None:
    raw = build_batch(
        [Record(0, 1000, b"k", b"v", (("a", None),)), Record(1, 999, None, None)],
        producer_id=1,
        producer_epoch=2,
        base_sequence=3,
        transactional=True,
        partition_leader_epoch=4,
    )
    assert raw.hex() == (
        "0000000000000000" "00000044" "00000004" "02" "10cc214a"
        "0010" "00000001" "00000000000003e8" "00000000000003e8" "0000000000000001" "0002" "00000003" "00000002"
        "16000000026b0276020261010c000102010100"
    )  # fmt: skip


def test_append_time_is_the_time_of_every_record() -> None:
    raw = build_batch(RECORDS, append_time_ms=NOW + 9)
    assert {record.timestamp_ms for record in iter_records(raw)} == {NOW + 9}
    assert read_header(raw).is_append_time


def test_an_emptied_batch_keeps_its_end_and_has_no_records() -> None:
    raw = build_batch(
        [], base_offset=10, last_offset_delta=4, max_timestamp_ms=NOW, compression=CompressionType.GZIP
    )
    header = is_valid_batch(memoryview(raw), 0, len(raw))
    assert header is not None
    assert (header.last_offset, header.record_count, header.max_timestamp, header.size) == (
        14,
        0,
        NOW,
        HEADER_SIZE,
    )
    assert list(iter_records(raw)) == []


def test_wrong_calls_are_our_own_mistakes() -> None:
    record = RECORDS[0]
    for records, options in (
        ([], {}),
        ([record, record], {}),
        ([record], {"base_offset": 1}),
        ([record._replace(offset=3)], {"last_offset_delta": 2}),
    ):
        with pytest.raises(ValueError):
            build_batch(records, **options)


def test_header_keys_that_are_no_text_survive_being_written_again() -> None:
    body = (
        b"\x00\x00\x00\x01\x01"
        + encode_varlong(1)
        + encode_varlong(2)
        + b"\xff\xfe"
        + encode_varlong(1)
        + b"x"
    )
    raw = raw_batch(encode_varlong(len(body)) + body, 1)
    records = list(iter_records(raw))
    assert build_batch(records) == raw


def test_hostile_timestamps_wrap_as_in_java_and_can_be_written_again() -> None:
    edge = (1 << 63) - 1
    records = [Record(0, edge, None, None), Record(1, -edge - 1, None, None), Record(2, 0, None, None)]
    raw = build_batch(records)
    assert list(iter_records(raw)) == records
    assert is_valid_batch(memoryview(raw), 0, len(raw))


def fields(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return encode_varlong(len(body)) + body


GOOD = (
    b"\x00",
    b"\x00",
    b"\x00",
    b"\x01",
    b"\x01",
    b"\x00",
)  # attributes, time, offset, nulls, no headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff" * 20,
        b"\x80" * 20,
        fields(*GOOD) + b"z",
        fields(*GOOD) * 2,
        fields(*GOOD, b"z"),
        fields(*GOOD[:5]),
        encode_varlong(0),
        encode_varlong(-1),
        encode_varlong(1 << 40) + b"".join(GOOD),
        fields(b"\x00", b"\x00", b"\x02", *GOOD[3:]),  # an offset after the last
        fields(b"\x00", b"\x00", b"\x01", *GOOD[3:]),  # and one before the first
        fields(*GOOD[:3], encode_varlong(-2), *GOOD[4:]),
        fields(*GOOD[:3], encode_varlong(1 << 40), *GOOD[4:]),
        fields(*GOOD[:4], encode_varlong(1 << 40), *GOOD[5:]),
        fields(*GOOD[:5], encode_varlong(-1)),
        fields(*GOOD[:5], encode_varlong(1 << 40)),
        fields(*GOOD[:5], encode_varlong(1), encode_varlong(-1), encode_varlong(-1)),
        fields(*GOOD[:5], encode_varlong(1), encode_varlong(-5), encode_varlong(-1)),
        fields(*GOOD[:5], encode_varlong(1), encode_varlong(0), encode_varlong(90)),
    ],
)
def test_records_against_the_format_are_invalid_under_every_codec(body: bytes) -> None:
    for codec in CODECS:
        assert refused(raw_batch(compress(codec, body), 1, codec)) is ErrorCode.INVALID_RECORD
    assert list(iter_records(raw_batch(fields(*GOOD), 1))) == [Record(0, NOW, None, None)]


def test_a_wrong_count_is_invalid() -> None:
    two = fields(*GOOD) + fields(*GOOD[:2], b"\x02", *GOOD[3:])
    assert len(list(iter_records(raw_batch(two, 2)))) == 2
    for count in (-(2**31), -1, 0, 1, 3, 2**31 - 1):
        assert refused(raw_batch(two, count, last_delta=1)) is ErrorCode.INVALID_RECORD


def test_offsets_that_do_not_rise_are_invalid() -> None:
    assert refused(raw_batch(fields(*GOOD) * 2, 2)) is ErrorCode.INVALID_RECORD


def test_a_batch_cut_anywhere_is_corrupt() -> None:
    raw = build_batch(RECORDS[:4])
    for size in range(len(raw)):
        assert refused(raw[:size]) is ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize("codec", CODECS)
def test_records_cut_anywhere_are_refused(codec: CompressionType) -> None:
    raw = build_batch(RECORDS[:5], compression=codec)
    for size in range(len(raw) - HEADER_SIZE):
        assert refused(raw_batch(raw[HEADER_SIZE:][:size], 5, codec)) in (2, 87)


@pytest.mark.parametrize("codec", CODECS)
def test_flipped_bits_behind_a_right_checksum_raise_nothing_but_a_refusal(codec: CompressionType) -> None:
    raw = build_batch(RECORDS[:5], compression=codec)
    for bit in range(8 * 21, len(raw) * 8):
        raw[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(Refused):
            for record in iter_records(raw, 1 << 20):
                assert isinstance(record, Record)
        raw[bit // 8] ^= 1 << bit % 8


def test_what_was_read_from_hostile_bytes_can_be_built_again() -> None:
    raw = build_batch(RECORDS[:5])
    for bit in range(8 * HEADER_SIZE, len(raw) * 8):
        raw[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(Refused):
            records = list(iter_records(raw))
            assert list(iter_records(build_batch(records, last_offset_delta=4))) == records
        raw[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize("codec", CODECS[1:])
def test_a_bomb_is_refused_before_its_first_record_and_memory_stays_flat(codec: CompressionType) -> None:
    raw = build_batch([Record(0, NOW, b"k", bytes(32 << 20))], compression=codec)
    tracemalloc.start()
    try:
        assert refused(raw, 1 << 20) is ErrorCode.INVALID_RECORD
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20


def test_an_unknown_codec_or_an_old_format_is_refused() -> None:
    assert refused(raw_batch(fields(*GOOD), 1, codec=5)) is ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    old = build_batch(RECORDS)
    old[16] = 1
    assert refused(old) is ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize("target", fuzzing.TARGETS)
def test_a_short_fuzz_of_every_target_finds_nothing(target: str) -> None:
    assert fuzzing.run(target, seed=1, iterations=500) > 0
