"""The record batch view: golden bytes, every refusal of a client's batch, recovery scans, patches, markers.

The codes were read from a running Kafka 4.4.0, sent the same bytes.
"""

import itertools
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.wire import batch as b
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.records import Record, build_batch, iter_records
from tests.wire.oracles import AiokafkaBatch, KafkaPythonBatch

NOW = 1_700_000_000_000
FIELD_AT = {
    "base_offset": ("q", 0),
    "batch_length": ("i", 8),
    "partition_leader_epoch": ("i", 12),
    "magic": ("b", 16),
    "attributes": ("h", 21),
    "last_offset_delta": ("i", 23),
    "base_timestamp": ("q", 27),
    "max_timestamp": ("q", 35),
    "producer_id": ("q", 43),
    "producer_epoch": ("h", 51),
    "base_sequence": ("i", 53),
    "record_count": ("i", 57),
}


def good(records: int = 2) -> bytearray:
    return build_batch([Record(i, NOW + i, b"k", b"v%d" % i) for i in range(records)])


def changed(**fields: int) -> bytearray:
    """A good batch with other header fields, and the checksum renewed."""
    batch = good()
    for name, value in fields.items():
        kind, at = FIELD_AT[name]
        struct.pack_into(">" + kind, batch, at, value)
    b.renew_checksum(batch)
    return batch


def refusal(function: Callable[..., object], *arguments: object, **options: object) -> ErrorCode:
    with pytest.raises(Refused) as caught:
        function(*arguments, **options)
    assert caught.value.message
    return caught.value.code


def refused(batch: bytes | bytearray, max_size: int | None = None) -> ErrorCode:
    return refusal(b.check_batch, memoryview(batch), max_size=max_size)


GOLDEN = bytes.fromhex(
    "0000000000000000" "00000043" "00000000" "02" "30ea676b"  # base offset, length, epoch, magic, crc
    "0000" "00000001" "0000018bcfe56800" "0000018bcfe56800"  # attributes, last delta, timestamps
    "ffffffffffffffff" "ffff" "ffffffff" "00000002"  # no producer, two records
    "10000000026b027600" "10000002026b027600"
)  # fmt: skip


def test_a_batch_that_kafka_stored_reads_as_it_should() -> None:
    header = b.check_batch(memoryview(GOLDEN))
    assert header == (0, 67, 0, 2, 820668267, 0, 1, NOW, NOW, -1, -1, -1, 2)
    assert (header.size, header.last_offset, header.next_offset, header.last_sequence) == (79, 1, 2, -1)
    assert not header.is_control
    assert not header.is_transactional
    assert not header.is_append_time
    assert not header.has_delete_horizon
    assert not header.has_producer_id
    assert build_batch(list(iter_records(GOLDEN)), partition_leader_epoch=0) == GOLDEN


def test_header_properties_come_from_the_right_bits() -> None:
    header = b.read_header(changed(attributes=0x7C, producer_id=9, base_sequence=2**31 - 1, base_offset=5))
    assert header.compression == 4
    assert header.is_append_time
    assert header.is_transactional
    assert header.is_control
    assert header.has_delete_horizon
    assert header.has_producer_id
    assert header.last_sequence == 0, "sequence numbers wrap"
    assert (header.last_offset, header.next_offset) == (6, 7)


def test_a_header_needs_61_bytes() -> None:
    batch = good()
    assert b.read_header(batch).size == len(batch)
    assert b.read_header(b"xx" + batch, 2) == b.read_header(batch)
    for size in range(b.HEADER_SIZE):
        assert refusal(b.read_header, batch[:size]) is ErrorCode.CORRUPT_MESSAGE
    assert refusal(b.read_header, batch, len(batch) - 60) is ErrorCode.CORRUPT_MESSAGE
    assert refusal(b.read_header, batch, -61) is ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"partition_leader_epoch": 5},
        {"attributes": 4},
        {"attributes": 0x40},
        {"attributes": 0x80},
        {"max_timestamp": -1},
        {"base_timestamp": -1, "max_timestamp": -1},
        {"base_timestamp": -7, "max_timestamp": -7},
        {"producer_id": 7, "producer_epoch": 0, "base_sequence": 0},
        {"producer_id": 7, "producer_epoch": 0, "base_sequence": 0, "attributes": 0x10},
        {"producer_epoch": 5, "base_sequence": 5},
    ],
)
def test_what_kafka_takes_is_taken(fields: dict[str, int]) -> None:
    batch = changed(**fields)
    assert b.check_batch(memoryview(batch), max_size=len(batch)) == b.read_header(batch)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"magic": 0}, 87),
        ({"magic": 1}, 87),
        ({"magic": 3}, 2),
        ({"magic": -1}, 2),
        ({"base_offset": 5}, 87),
        ({"base_offset": -1}, 87),
        ({"record_count": 0}, 87),
        ({"record_count": 1}, 87),
        ({"record_count": 3}, 87),
        ({"record_count": -1}, 87),
        ({"last_offset_delta": 0}, 87),
        ({"last_offset_delta": -1, "record_count": 0}, 87),
        ({"last_offset_delta": -5, "record_count": -4}, 87),
        ({"attributes": 0x20}, 87),
        ({"attributes": 0x30, "producer_id": 9, "producer_epoch": 0, "base_sequence": 0}, 87),
        ({"attributes": 5}, 76),
        ({"attributes": 7}, 76),
        ({"attributes": 0x08}, 32),
        ({"max_timestamp": NOW - 5}, 32),
        ({"producer_id": 5}, 87),
        ({"producer_id": 5, "producer_epoch": 0}, 87),
        ({"producer_id": 5, "producer_epoch": 0, "base_sequence": -2}, 87),
        ({"producer_id": 5, "base_sequence": 0}, 87),
        ({"attributes": 0x10}, 87),
        ({"batch_length": 48}, 2),
        ({"batch_length": 14}, 2),
        ({"batch_length": 13}, 2),
        ({"batch_length": -1}, 2),
        ({"batch_length": 2**31 - 1}, 87),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_code(fields: dict[str, int], code: int) -> None:
    assert refused(changed(**fields)) == code


def test_a_wrong_checksum_is_corruption_and_is_found_before_the_rules_it_hides() -> None:
    for at in (17, 20, 21, 40, b.HEADER_SIZE, len(good()) - 1):
        batch = changed(attributes=0x20)
        batch[at] ^= 1
        assert refused(batch) is ErrorCode.CORRUPT_MESSAGE


def test_a_batch_above_the_maximum_is_too_large_before_its_checksum_is_computed() -> None:
    batch = good()
    assert b.check_batch(memoryview(batch), max_size=len(batch)).size == len(batch)
    batch[-1] ^= 1
    assert refused(batch, max_size=len(batch) - 1) is ErrorCode.MESSAGE_TOO_LARGE
    struct.pack_into(">q", batch, 0, 5)
    assert refused(batch, max_size=len(batch) - 1) is ErrorCode.INVALID_RECORD


def test_a_batch_cut_anywhere_is_no_whole_batch() -> None:
    batch = good()
    for size in range(len(batch)):
        assert refused(batch[:size]) is ErrorCode.INVALID_RECORD


def test_nothing_may_follow_the_batch() -> None:
    batch = good()
    assert refused(batch + batch) is ErrorCode.INVALID_RECORD
    assert refused(batch + b"\0") is ErrorCode.INVALID_RECORD
    assert refused(batch + bytes(12)) is ErrorCode.CORRUPT_MESSAGE
    assert refused(batch + b"\xff" * 61) is ErrorCode.CORRUPT_MESSAGE


def test_zeros_and_old_formats_are_told_apart() -> None:
    assert refused(b"") is ErrorCode.INVALID_RECORD
    assert refused(bytes(11)) is ErrorCode.INVALID_RECORD
    assert refused(bytes(12)) is ErrorCode.CORRUPT_MESSAGE
    assert refused(bytes(100)) is ErrorCode.CORRUPT_MESSAGE
    legacy = struct.pack(">qiIbbqi", 0, 24, 0, 1, 0, NOW, -1) + struct.pack(">i", -1)
    assert refused(legacy) is ErrorCode.INVALID_RECORD
    assert refused(legacy * 5) is ErrorCode.INVALID_RECORD


def test_every_flipped_bit_but_those_outside_the_checksum_is_refused() -> None:
    batch = good()
    outside = range(12 * 8, 16 * 8)  # the partition leader epoch, which the broker overwrites
    for bit in range(len(batch) * 8):
        batch[bit // 8] ^= 1 << bit % 8
        if bit in outside:
            b.check_batch(memoryview(batch))
        else:
            assert refused(batch) in (2, 87)
        batch[bit // 8] ^= 1 << bit % 8


@given(st.binary(max_size=200), st.integers(0, 200))
def test_noise_is_refused_and_nothing_else_escapes(noise: bytes, position: int) -> None:
    view = memoryview(noise)
    with pytest.raises(Refused):
        b.check_batch(view)
    assert b.is_valid_batch(view, position, len(noise)) is None
    try:
        for _, header in b.scan_headers(view):
            assert header.size >= b.HEADER_SIZE
        b.read_control_marker(noise)
    except Refused:
        pass


def test_recovery_takes_whatever_a_log_may_hold() -> None:
    emptied = build_batch(
        [], base_offset=7, last_offset_delta=3, producer_id=1, producer_epoch=0, base_sequence=4
    )
    compacted = build_batch([Record(12, NOW, b"k", None)], base_offset=11, last_offset_delta=4)
    marker = b.build_control_batch(b.ControlType.ABORT, 1, 0, 3, NOW, base_offset=16)
    log = good() + emptied + compacted + marker
    view = memoryview(log)
    position, offsets = 0, []
    while header := b.is_valid_batch(view, position, len(view)):
        offsets.append((header.base_offset, header.last_offset))
        position += header.size
    assert position == len(log)
    assert offsets == [(0, 1), (7, 10), (11, 15), (16, 16)]


def test_recovery_refuses_a_batch_that_is_cut_or_changed_anywhere() -> None:
    batch = memoryview(bytes(3) + good())
    assert b.is_valid_batch(batch, 3, len(batch))
    for limit in range(len(batch)):
        assert b.is_valid_batch(batch, 3, limit) is None
    assert b.is_valid_batch(batch, 3, len(batch) + 1) is None
    assert b.is_valid_batch(batch, -1, len(batch)) is None
    for fields in (
        {"base_offset": -1},
        {"magic": 1},
        {"record_count": -1},
        {"record_count": 3},
        {"attributes": 5},
        {"batch_length": 48},
        {"batch_length": -1},
    ):
        wrong = memoryview(changed(**fields))
        assert b.is_valid_batch(wrong, 0, len(wrong)) is None
    for at in range(17, len(good())):
        flipped = good()
        flipped[at] ^= 0x10
        assert b.is_valid_batch(memoryview(flipped), 0, len(flipped)) is None


def test_a_scan_yields_the_whole_batches_and_stops_at_an_incomplete_tail() -> None:
    one, two = good(1), good(3)
    log = memoryview(one + two + one)
    ends = [0, len(one), len(one) + len(two), len(log)]
    for limit in range(len(log) + 1):
        found = list(b.scan_headers(log, limit=limit))
        assert [position for position, _ in found] == [
            start for start, end in itertools.pairwise(ends) if end <= limit
        ]
    assert [header.record_count for _, header in b.scan_headers(log)] == [1, 3, 1]
    assert [position for position, _ in b.scan_headers(log, ends[1], 10**9)] == ends[1:3]


def test_a_scan_stops_loudly_where_no_next_batch_can_be_found() -> None:
    log = memoryview(good() + bytes(100))
    with pytest.raises(Refused) as caught:
        list(b.scan_headers(log))
    assert caught.value.code is ErrorCode.CORRUPT_MESSAGE


def test_offset_and_epoch_are_patched_in_place_and_the_checksum_stays_right() -> None:
    log = bytearray(5) + good()
    before = b.read_header(log, 5)
    b.set_offset(memoryview(log), 123_456_789_012, 7, 5)
    after = b.is_valid_batch(memoryview(log), 5, len(log))
    assert after == before._replace(base_offset=123_456_789_012, partition_leader_epoch=7)


@pytest.mark.parametrize("oracle", [KafkaPythonBatch, AiokafkaBatch])
def test_append_time_is_what_clients_see_and_the_checksum_is_renewed(oracle: type) -> None:
    batch = good()
    b.set_append_time(memoryview(batch), NOW + 5000)
    header = b.is_valid_batch(memoryview(batch), 0, len(batch))
    assert header is not None
    assert header.is_append_time
    assert header.max_timestamp == NOW + 5000
    theirs = oracle(bytes(batch))
    assert theirs.validate_crc()
    assert [record.timestamp for record in theirs] == [NOW + 5000] * 2
    assert [record.timestamp_ms for record in iter_records(batch)] == [NOW + 5000] * 2


@pytest.mark.parametrize("control_type", list(b.ControlType))
def test_markers_read_back_here_and_in_other_clients(control_type: b.ControlType) -> None:
    batch = b.build_control_batch(control_type, 4711, 3, 99, NOW, base_offset=2**40, partition_leader_epoch=6)
    assert len(batch) == 78
    header = b.is_valid_batch(memoryview(batch), 0, len(batch))
    assert header == (2**40, 66, 6, 2, header.crc, 0x30, 0, NOW, NOW, 4711, 3, -1, 1)
    assert b.read_control_marker(batch) == (control_type, 99)
    assert b.read_control_type(bytes(9) + batch, 9) is control_type
    assert refused(batch) is ErrorCode.INVALID_RECORD, "a client may not write it"
    for oracle in (KafkaPythonBatch, AiokafkaBatch):
        theirs = oracle(bytes(batch))
        assert theirs.validate_crc()
        assert theirs.is_control_batch
        assert theirs.is_transactional
        record = next(iter(theirs))
        assert record.key == struct.pack(">hh", 0, control_type)
        assert record.value == struct.pack(">hi", 0, 99)


def test_a_marker_that_compaction_rewrote_still_reads() -> None:
    key, value = struct.pack(">hh", 0, 1), struct.pack(">hi", 0, 8)
    batch = build_batch(
        [Record(5, NOW, key, value)],
        base_offset=5,
        control=True,
        transactional=True,
        producer_id=1,
        producer_epoch=0,
        delete_horizon_ms=NOW - 86_400_000,
    )
    assert b.read_header(batch).has_delete_horizon
    assert b.read_control_marker(batch) == (b.ControlType.COMMIT, 8)


def test_a_control_record_that_ends_no_transaction_has_no_type() -> None:
    batch = build_batch([Record(0, NOW, struct.pack(">hh", 0, 2), b"leader")], control=True)
    assert b.read_control_type(batch) is None


def test_damaged_control_batches_are_corrupt() -> None:
    assert refusal(b.read_control_marker, good()) is ErrorCode.CORRUPT_MESSAGE
    whole = b.build_control_batch(b.ControlType.COMMIT, 1, 0, 3, NOW)
    for size in range(len(whole) - 1):
        assert refusal(b.read_control_marker, whole[:size]) is ErrorCode.CORRUPT_MESSAGE
    for key, value in (
        (None, None),
        (b"", b""),
        (b"\0\0\0", b""),
        (b"\0\0\0\1", None),
        (b"\0\0\0\1", b"\0\0\0"),
    ):
        batch = build_batch([Record(0, NOW, key, value)], control=True)
        assert refusal(b.read_control_marker, batch) is ErrorCode.CORRUPT_MESSAGE
