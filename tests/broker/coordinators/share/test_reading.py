"""Ranges of a log for share partitions: their batches, and cutting them to what is given."""

from __future__ import annotations

from neuraxis.broker.coordinators.share.commands import Acquired
from neuraxis.broker.coordinators.share.reading import aborted, find
from neuraxis.wire.batch import ControlType, build_control_batch, read_header, set_offset
from tests.broker.harness import CoreHarness, batch_of, pins, values_of


def harness() -> CoreHarness:
    broker = CoreHarness("os")
    broker.create_topic("t")
    peer = broker.connect()
    for first in range(0, 12, 3):
        peer.produce("t", batch_of(*(b"%d" % (first + more) for more in range(3))))
    return broker


def test_a_range_is_cut_to_the_batches_that_hold_what_is_given() -> None:
    broker = harness()
    log = broker.partition("t").log
    before = pins(broker)
    found = find(log, 1, 1 << 20, 12, first=True, records=100)
    assert found is not None
    assert found.offsets() == ((0, 2), (3, 5), (6, 8), (9, 11))
    part = found.cut([Acquired(4, 5, 1), Acquired(6, 6, 2)])
    assert values_of(part.read()) == [b"3", b"4", b"5", b"6", b"7", b"8"]
    part.release()
    assert pins(broker) == before


def test_not_much_more_is_looked_at_than_is_wanted() -> None:
    log = harness().partition("t").log
    found = find(log, 0, 1 << 20, 12, first=True, records=4)
    assert found is not None
    assert found.offsets() == ((0, 2), (3, 5))
    found.range.release()


def test_there_may_be_nothing() -> None:
    log = harness().partition("t").log
    assert find(log, 12, 1 << 20, 12, first=True, records=4) is None
    assert find(log, 0, 10, 12, first=False, records=4) is None


def test_batches_of_aborted_transactions_are_known_and_those_after_their_end_are_others() -> None:
    broker = CoreHarness("os")
    broker.create_topic("t")
    log = broker.partition("t").log

    def append(batch: bytearray) -> None:
        view = memoryview(batch)
        set_offset(view, log.log_end_offset, 0)
        log.append(view, read_header(view), broker.now)

    def data(producer_id: int, sequence: int) -> None:
        options = {"producer_id": producer_id, "producer_epoch": 0, "base_sequence": sequence}
        append(batch_of(b"a", b"b", transactional=True, **options))

    def end(producer_id: int, kind: ControlType) -> None:
        append(build_control_batch(kind, producer_id, 0, 0, broker.now.wall_ms))

    data(1, 0)  # 0-1: aborted
    data(2, 0)  # 2-3: committed
    append(batch_of(b"c"))  # 4
    data(1, 2)  # 5-6: aborted
    end(1, ControlType.ABORT)  # 7
    data(1, 4)  # 8-9: committed
    end(2, ControlType.COMMIT)
    end(1, ControlType.COMMIT)
    found = find(log, 0, 1 << 20, log.log_end_offset, first=True, records=100)
    assert found is not None
    assert aborted(log, 0, log.log_end_offset, found) == ((0, 1), (5, 6))
    found.range.release()
