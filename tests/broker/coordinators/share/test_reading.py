"""Ranges of a log for share partitions: their batches, and cutting them to what is given."""

from __future__ import annotations

from neuraxis.broker.coordinators.share.commands import Acquired
from neuraxis.broker.coordinators.share.reading import find
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
