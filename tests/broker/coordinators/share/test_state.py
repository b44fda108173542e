"""How facts change share partitions, also where the log's beginning is gone."""

from __future__ import annotations

from neuraxis.broker.coordinators.share.facts import ShareKey, Snapshot, SnapshotFact, UpdateFact
from neuraxis.broker.coordinators.share.runs import Batch, Delivery, Run
from neuraxis.broker.coordinators.share.state import Locked, LocksFired, ShareState, apply

KEY = ShareKey("g", bytes(range(16)), 3)
DONE = Batch(5, 6, Delivery.ACKNOWLEDGED, 1)


def test_an_update_without_its_snapshot_is_taken_as_far_as_it_goes() -> None:
    state = ShareState()
    apply(state, UpdateFact(KEY, 0, 0, 4, 2, (DONE,)))
    assert state.partitions[KEY].start_offset == 4
    assert state.partitions[KEY].runs == [Run(4, 4, Delivery.AVAILABLE, 0), Run(*DONE)]
    other = ShareKey("g", bytes(16), 0)
    apply(state, UpdateFact(other, 0, 0, -1, -1, (DONE,)))
    assert state.partitions[other].start_offset == 5


def test_an_update_that_says_no_start_keeps_it() -> None:
    state = ShareState()
    apply(state, SnapshotFact(KEY, Snapshot(0, 0, 0, 5, 0, 1, 1)))
    apply(state, UpdateFact(KEY, 0, 0, -1, -1, (DONE,)))
    assert (state.partitions[KEY].start_offset, state.partitions[KEY].runs) == (5, [Run(*DONE)])


def test_changes_are_remembered_for_those_who_wait_and_locks_are_not() -> None:
    state = ShareState()
    apply(state, SnapshotFact(KEY, Snapshot(0, 0, 0, 5, 0, 1, 1)))
    assert list(state.freed) == [KEY]
    state.freed.clear()
    apply(state, Locked(KEY, (Run(5, 9, Delivery.ACQUIRED, 1, "m", 70),)))
    assert not state.freed
    apply(state, SnapshotFact(KEY, None))
    assert list(state.freed) == [KEY]
    assert state.partitions == {}
    apply(state, SnapshotFact(KEY, None))


def test_one_entry_stands_for_all_locks_of_a_partition() -> None:
    state = ShareState()
    apply(state, SnapshotFact(KEY, Snapshot(0, 0, 0, 0, 0, 1, 1)))
    for offset in range(100):
        apply(state, Locked(KEY, (Run(offset, offset, Delivery.ACQUIRED, 1, "m", 70 + offset),)))
    assert [lock.due_ms for lock in state.heap] == [70]
    apply(state, UpdateFact(KEY, 0, 0, 0, 0, (Batch(0, 9, Delivery.AVAILABLE, 1),)))
    apply(state, LocksFired(1))
    assert [lock.due_ms for lock in state.heap] == [80]
    apply(state, Locked(KEY, (Run(100, 100, Delivery.ACQUIRED, 1, "m", 60),)))
    assert state.heap[0].due_ms == 60
    apply(state, LocksFired(2))
    assert state.queued[KEY] == 60, "the earlier one is live still, and known by its records"
