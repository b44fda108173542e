"""Producer windows and leader epochs: Kafka's answers, Kafka's bytes."""

from __future__ import annotations

import pytest

from neuraxis.broker.log import tail_state
from neuraxis.broker.log.tail_state import Duplicate, LeaderEpochs, ProducerStates
from neuraxis.broker.work import Now
from neuraxis.wire.batch import BatchHeader
from neuraxis.wire.errors import ErrorCode, Refused

NOW = Now(0, 1_000_000)
LAST = 2**31 - 1


def header(
    sequence: int, count: int = 1, *, epoch: int = 0, offset: int = 0, attributes: int = 0
) -> BatchHeader:
    return BatchHeader(offset, 100, 0, 2, 0, attributes, count - 1, 1, 2, 77, epoch, sequence, count)


def states(*headers: BatchHeader) -> ProducerStates:
    found = ProducerStates()
    for each in headers:
        found.update(each, NOW.wall_ms)
    return found


def refusal(found: ProducerStates, batch: BatchHeader) -> ErrorCode:
    with pytest.raises(Refused) as caught:
        found.check(batch, NOW)
    return caught.value.code


def test_an_unknown_producer_may_begin_at_any_sequence() -> None:
    assert ProducerStates().check(header(4711), NOW) is None


def test_the_next_sequence_is_taken_and_a_gap_is_refused() -> None:
    found = states(header(0, 3))
    assert found.check(header(3), NOW) is None
    assert refusal(found, header(4)) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert refusal(found, header(2)) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_each_of_the_last_five_batches_is_known_as_a_duplicate() -> None:
    found = states(*(header(2 * i, 2, offset=100 + 2 * i) for i in range(7)))
    for i in range(2, 7):
        assert found.check(header(2 * i, 2), NOW) == Duplicate(100 + 2 * i, NOW.wall_ms)
    assert refusal(found, header(2, 2)) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert refusal(found, header(12, 1)) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_sequences_wrap_to_zero() -> None:
    found = states(header(LAST - 1, 2))
    assert found.check(header(0), NOW) is None
    assert refusal(found, header(1)) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    across = states(header(LAST, 3))
    assert across.check(header(2), NOW) is None
    assert across.check(header(LAST, 3), NOW) is not None


def test_a_new_epoch_begins_at_zero_and_fences_the_old_one() -> None:
    found = states(header(0, 3))
    assert refusal(found, header(3, epoch=1)) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert found.check(header(0, epoch=1), NOW) is None
    found.update(header(0, epoch=1), NOW.wall_ms)
    assert refusal(found, header(3, epoch=0)) == ErrorCode.INVALID_PRODUCER_EPOCH
    assert found.check(header(1, epoch=1), NOW) is None


def test_a_marker_ends_the_transaction_and_its_epoch_begins_at_zero() -> None:
    found = states(header(0, offset=10, attributes=0x10), header(1, offset=11, attributes=0x10))
    assert found.by_id[77].transaction_start == 10
    assert found.has_open_transaction(77, 0)
    assert not found.has_open_transaction(77, 1)
    assert found.ongoing == {77: 10}
    assert found.end_transaction(header(-1, epoch=1, offset=12, attributes=0x30), 3, NOW.wall_ms) == 10
    assert (found.by_id[77].transaction_start, found.by_id[77].coordinator_epoch) == (-1, 3)
    assert not found.ongoing
    assert found.check(header(0, epoch=1), NOW) is None
    assert refusal(found, header(2, epoch=1)) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_producer_with_an_open_transaction_writes_nothing_outside_it() -> None:
    found = states(header(0, offset=10, attributes=0x10))
    assert refusal(found, header(1)) == ErrorCode.INVALID_TXN_STATE
    assert refusal(found, header(0, epoch=1)) == ErrorCode.INVALID_TXN_STATE
    assert found.check(header(1, attributes=0x10), NOW) is None


def test_a_batch_without_a_sequence_is_no_duplicate_of_another() -> None:
    first, second = (header(-1, offset=at, attributes=0x10) for at in (4, 5))
    found = states(first)
    assert found.check(second, NOW) is None
    assert found.check(second._replace(producer_epoch=3), NOW) is None
    assert found.ongoing == {77: 4}


def test_late_markers_are_refused() -> None:
    found = states(header(0, epoch=2, attributes=0x10))
    found.check_marker(77, 2, 0, must_rise=False)
    found.check_marker(77, 3, 0, must_rise=True)
    found.check_marker(78, 0, 0, must_rise=True)
    for epoch, must_rise in ((1, False), (2, True)):
        with pytest.raises(Refused) as refused:
            found.check_marker(77, epoch, 0, must_rise=must_rise)
        assert refused.value.code == ErrorCode.INVALID_PRODUCER_EPOCH
    found.end_transaction(header(-1, epoch=2, attributes=0x30), 5, NOW.wall_ms)
    with pytest.raises(Refused) as refused:
        found.check_marker(77, 2, 4, must_rise=False)
    assert refused.value.code == ErrorCode.TRANSACTION_COORDINATOR_FENCED


def test_open_transactions_come_back_from_a_snapshot_in_the_order_of_offsets() -> None:
    found = states(header(0, offset=20, attributes=0x10))
    found.update(header(0, offset=5, attributes=0x10)._replace(producer_id=90), NOW.wall_ms)
    again = ProducerStates()
    assert again.restore(found.snapshot())
    assert list(again.ongoing.items()) == [(90, 5), (77, 20)]


def test_silent_producers_expire_but_not_in_a_transaction() -> None:
    found = states(header(0))
    found.update(header(0, attributes=0x10)._replace(producer_id=78), NOW.wall_ms)
    found.expire(Now(0, NOW.wall_ms + 1_000), 1_000)
    assert set(found.by_id) == {77, 78}
    found.expire(Now(0, NOW.wall_ms + 1_001), 1_000)
    assert set(found.by_id) == {78}


def test_the_number_of_producers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_state, "MOST_PRODUCERS", 100)
    found = ProducerStates()
    for i in range(250):
        found.update(header(0)._replace(producer_id=i), i)
    assert len(found.by_id) <= 100
    assert 249 in found.by_id
    assert 0 not in found.by_id


def test_a_snapshot_keeps_the_whole_window() -> None:
    found = states(*(header(2 * i, 2, offset=2 * i) for i in range(7)))
    found.update(header(-1, epoch=3, attributes=0x30)._replace(producer_id=5), 42)
    again = ProducerStates()
    assert again.restore(found.snapshot())
    assert again.by_id[77].batches == found.by_id[77].batches
    assert again.by_id[5].epoch == 3
    assert again.by_id[5].batches == []
    assert again.snapshot() == found.snapshot()


def test_a_damaged_snapshot_is_not_taken() -> None:
    data = states(header(0)).snapshot()
    for bad in (b"", data[:-1], data + b"\0", data[:20] + b"\xff" + data[21:], b"\0\2" + data[2:]):
        assert not ProducerStates().restore(bad)


def test_epochs_know_where_they_ended() -> None:
    epochs = LeaderEpochs()
    assert epochs.end_offset(0, 50) == (0, 50)
    for epoch, offset in [(0, 0), (2, 10), (5, 20)]:
        epochs.begin(epoch, offset)
    assert [epochs.end_offset(e, 50) for e in (0, 1, 2, 4, 5)] == [
        (0, 10),
        (0, 10),
        (2, 20),
        (2, 20),
        (5, 50),
    ]
    assert epochs.end_offset(6, 50) == (-1, -1)
    assert [epochs.epoch_at(o) for o in (0, 9, 10, 25)] == [0, 0, 2, 5]
    assert epochs.to_text() == b"0\n3\n0 0\n2 10\n5 20\n"
    again = LeaderEpochs()
    assert again.restore(epochs.to_text())
    assert again.entries == epochs.entries
    epochs.cut_start(15)
    assert epochs.entries == [(2, 15), (5, 20)]
    epochs.cut_end(18)
    assert epochs.entries == [(2, 15)]


@pytest.mark.parametrize(
    "text", [b"", b"1\n0\n", b"0\n2\n0 0\n", b"0\n1\nx y\n", b"0\n1\n0 0"[:5], b"\xff\xfe"]
)
def test_a_damaged_epoch_file_is_not_taken(text: bytes) -> None:
    assert not LeaderEpochs().restore(text)
