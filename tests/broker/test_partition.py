from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.partition import Partition
from neuraxis.broker.work import Now
from neuraxis.wire.batch import read_header
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.harness import CoreHarness, batch_of


def partition_of(durability: str, **options: Any) -> tuple[CoreHarness, Partition]:
    broker = CoreHarness(durability, **options)
    broker.create_topic("drives")
    return broker, broker.partition("drives")


def append(broker: CoreHarness, partition: Partition, *values: bytes, **options: Any) -> Any:
    view = memoryview(batch_of(*values, **options))
    return partition.append(view, read_header(view), broker.now)


def test_offsets_follow_each_other_and_duplicates_get_the_first_ones() -> None:
    broker, partition = partition_of("os")
    sequence = {"producer_id": 5, "producer_epoch": 0}
    assert append(broker, partition, b"a", b"b", **sequence, base_sequence=0) == (0, None)
    assert append(broker, partition, b"c", **sequence, base_sequence=2) == (2, None)
    base_offset, duplicate = append(broker, partition, b"a", b"b", **sequence, base_sequence=0)
    assert base_offset == 0
    assert duplicate is not None
    assert partition.log_end_offset == 3


def test_a_refused_sequence_is_not_counted_as_a_write() -> None:
    broker, partition = partition_of("os")
    append(broker, partition, b"a", producer_id=5, producer_epoch=0, base_sequence=0)
    before = partition.writes.count
    with pytest.raises(Refused) as refused:
        append(broker, partition, b"c", producer_id=5, producer_epoch=0, base_sequence=9)
    assert refused.value.code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert partition.writes.count == before
    append(broker, partition, b"b")
    assert partition.writes.count == before + 1


def test_under_sync_the_high_watermark_is_the_durable_offset() -> None:
    broker, partition = partition_of("sync", works_wait=True)
    append(broker, partition, b"a", b"b")
    assert (partition.high_watermark, partition.last_stable_offset, partition.log_end_offset) == (0, 0, 2)
    broker.do_works()
    assert (partition.high_watermark, partition.last_stable_offset) == (2, 2)


@pytest.mark.parametrize("durability", ["os", "interval"])
def test_otherwise_it_is_the_end_of_the_log(durability: str) -> None:
    broker, partition = partition_of(durability, works_wait=True)
    append(broker, partition, b"a", b"b")
    assert partition.high_watermark == 2


class Waiter:
    """Counts how often it is woken, and with which high watermark."""

    def __init__(self, partition: Partition) -> None:
        self.woken: list[int] = []
        partition.waiting[self] = self.wake

    def wake(self, partition: Partition, now: Now) -> None:
        self.woken.append(partition.high_watermark)


def test_without_sync_the_append_wakes() -> None:
    broker, partition = partition_of("os", works_wait=True)
    waiter = Waiter(partition)
    append(broker, partition, b"a")
    append(broker, partition, b"b", b"c")
    assert waiter.woken == [1, 3]


def test_under_sync_the_end_of_the_sync_wakes_and_the_append_does_not() -> None:
    broker, partition = partition_of("sync", works_wait=True)
    waiter = Waiter(partition)
    append(broker, partition, b"a")
    append(broker, partition, b"b")
    assert waiter.woken == []
    broker.do_works()
    assert waiter.woken == [2]


def test_a_waiter_that_leaves_while_others_are_woken_does_not_disturb_them() -> None:
    broker, partition = partition_of("os")
    first, second = Waiter(partition), Waiter(partition)
    partition.waiting[first] = lambda each, now: partition.waiting.clear()
    append(broker, partition, b"a")
    assert second.woken == [1]
    append(broker, partition, b"b")
    assert second.woken == [1]


def test_a_client_with_another_leader_epoch_is_told_whether_it_is_behind_or_ahead() -> None:
    _, partition = partition_of("os")
    partition.log.raise_epoch(3)
    assert partition.check_leader_epoch(-1) == 0
    assert partition.check_leader_epoch(3) == 0
    assert partition.check_leader_epoch(2) == ErrorCode.FENCED_LEADER_EPOCH
    assert partition.check_leader_epoch(4) == ErrorCode.UNKNOWN_LEADER_EPOCH


def test_an_appended_batch_carries_its_offset_and_the_leader_epoch() -> None:
    broker, partition = partition_of("os")
    partition.log.raise_epoch(3)
    append(broker, partition, b"a")
    append(broker, partition, b"b")
    headers = [read_header(view) for view in partition.log.batches_from(0)]
    assert [(each.base_offset, each.partition_leader_epoch) for each in headers] == [(0, 3), (1, 3)]


@pytest.mark.parametrize("durability", ["sync", "os"])
def test_a_marker_ends_a_transaction_and_wakes_readers_when_it_may_be_seen(durability: str) -> None:
    broker, partition = partition_of(durability, works_wait=True)
    append(broker, partition, b"a", producer_id=5, producer_epoch=0, base_sequence=0, transactional=True)
    broker.do_works()
    woken: list[int] = []
    partition.waiting["reader"] = lambda each, now: woken.append(each.last_stable_offset)
    header = partition.end_transaction(5, 1, commit=True, coordinator_epoch=3, now=broker.now)
    assert (header.base_offset, header.producer_epoch, header.is_control) == (1, 1, True)
    assert woken == ([] if durability == "sync" else [2])
    broker.do_works()
    assert woken == [2]
    assert (partition.last_stable_offset, partition.high_watermark) == (2, 2)
