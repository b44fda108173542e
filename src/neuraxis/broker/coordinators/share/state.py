"""The state of all share partitions of this node, and how facts and notes change it. Rule: nothing here ever refuses.

Hard: start offsets, epochs and the runs as `runs.stored` sees them, exactly the fold of the facts. Soft: who has acquired
which records until when.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import NamedTuple

from neuraxis.broker.coordinators.share import runs as r
from neuraxis.broker.coordinators.share.facts import ShareFact, ShareKey, Snapshot, SnapshotFact, UpdateFact
from neuraxis.broker.coordinators.share.runs import Batch, Delivery, Run


@dataclass(slots=True)
class SharePartition:
    """One share partition. `runs` covers `start_offset` up to what was ever delivered."""

    state_epoch: int = 0
    leader_epoch: int = 0
    snapshot_epoch: int = 0
    start_offset: int = -1
    created_ms: int = -1
    updates: int = 0
    runs: list[Run] = field(default_factory=list)

    @property
    def end_offset(self) -> int:
        """The first offset that was never delivered."""
        return r.end_of(self.runs, self.start_offset)

    def hard(self) -> tuple[int, int, int, list[Batch]]:
        """What the log holds of it, for comparisons."""
        return self.state_epoch, self.leader_epoch, self.start_offset, r.stored(self.runs)


class Lock(NamedTuple):
    """An entry of the heap of locks: at `due_ms` some records of the partition may have been held too long."""

    due_ms: int
    sequence: int
    key: ShareKey


@dataclass(slots=True)
class ShareState:
    """All share partitions.

    Attributes:
        partitions: by key.
        heap: for each share partition with locks, when the first of them may end; and stale entries.
        queued: the live entry's deadline for each.
        freed: partitions where somebody may find more than before, since the owner last looked (soft).
    """

    partitions: dict[ShareKey, SharePartition] = field(default_factory=dict)
    heap: list[Lock] = field(default_factory=list)
    queued: dict[ShareKey, int] = field(default_factory=dict)
    sequence: int = 0
    freed: dict[ShareKey, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Locked:
    """These records are acquired, or their locks renewed: the runs say by whom and until when."""

    key: ShareKey
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class LocksFired:
    """The first `count` entries of the heap were looked at."""

    count: int


ShareNote = Locked | LocksFired


def apply(state: ShareState, fact: ShareFact | ShareNote) -> None:
    """Write one fact or note into the state."""
    if isinstance(fact, Locked):
        _lock(state, fact)
    elif isinstance(fact, UpdateFact):
        _update(state, fact)
    elif isinstance(fact, SnapshotFact):
        _replace(state, fact.key, fact.snapshot)
    else:
        for _ in range(fact.count):
            _fire(state, heapq.heappop(state.heap))


def _lock(state: ShareState, note: Locked) -> None:
    partition = state.partitions[note.key]
    for run in note.runs:
        r.lay(partition.runs, run, partition.start_offset)
    _queue(state, note.key, min(run.due_ms for run in note.runs))


def _queue(state: ShareState, key: ShareKey, due_ms: int) -> None:
    if state.queued.get(key, due_ms + 1) > due_ms:
        state.queued[key] = due_ms
        state.sequence += 1
        heapq.heappush(state.heap, Lock(due_ms, state.sequence, key))


def _fire(state: ShareState, lock: Lock) -> None:
    if state.queued.get(lock.key) != lock.due_ms:
        return
    del state.queued[lock.key]
    partition = state.partitions.get(lock.key)
    dues = (
        [] if partition is None else [run.due_ms for run in partition.runs if run.state is Delivery.ACQUIRED]
    )
    if dues:
        _queue(state, lock.key, min(dues))


def _update(state: ShareState, fact: UpdateFact) -> None:
    partition = state.partitions.get(fact.key)
    if partition is None:  # its snapshot lies before the beginning of the log: another one follows
        start = fact.start_offset if fact.start_offset >= 0 or not fact.batches else fact.batches[0].first
        partition = state.partitions[fact.key] = SharePartition(start_offset=start)
    for batch in fact.batches:
        r.lay(partition.runs, Run(*batch), partition.start_offset)
    if fact.start_offset >= 0:
        partition.start_offset = fact.start_offset
        r.trim(partition.runs, fact.start_offset)
    partition.snapshot_epoch = fact.snapshot_epoch
    partition.leader_epoch = fact.leader_epoch
    partition.updates += 1
    state.freed[fact.key] = None


def _replace(state: ShareState, key: ShareKey, snapshot: Snapshot | None) -> None:
    state.freed[key] = None
    if snapshot is None:
        state.partitions.pop(key, None)
        return
    before = state.partitions.get(key)
    after = SharePartition(
        snapshot.state_epoch,
        snapshot.leader_epoch,
        snapshot.snapshot_epoch,
        snapshot.start_offset,
        snapshot.create_timestamp_ms,
    )
    for batch in snapshot.batches:
        r.lay(after.runs, Run(*batch), after.start_offset)
    if before is not None and before.state_epoch == after.state_epoch:
        # A snapshot of what is: who has acquired records keeps them.
        for run in before.runs:
            if run.state is Delivery.ACQUIRED:
                r.lay(after.runs, run, after.start_offset)
    state.partitions[key] = after
