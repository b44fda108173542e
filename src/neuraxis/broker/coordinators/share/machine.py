"""Share partitions as a machine: commands to facts and notes. The rules of acquiring are in `acquire`.

What is acquired is never written: after a start it is available again, as often delivered as before. Everything else is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.share import acquire
from neuraxis.broker.coordinators.share import runs as r
from neuraxis.broker.coordinators.share import state as states
from neuraxis.broker.coordinators.share.acknowledge import Change, acknowledged
from neuraxis.broker.coordinators.share.commands import (
    Acknowledge,
    Acquire,
    Advance,
    Begin,
    Checkpoint,
    Cut,
    Forget,
    Initialise,
    Release,
)
from neuraxis.broker.coordinators.share.facts import (
    ShareFact,
    ShareKey,
    Snapshot,
    SnapshotFact,
    UpdateFact,
    decode_share_fact,
    encode_share_fact,
)
from neuraxis.broker.coordinators.share.runs import Batch, Delivery, Run
from neuraxis.broker.coordinators.share.settings import MAX_EXPIRED, MAX_SHARE_PARTITIONS, DefaultLimits
from neuraxis.broker.coordinators.share.state import Locked, LocksFired, SharePartition, ShareState
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from neuraxis.broker.coordinators.share.settings import Limits
    from neuraxis.broker.coordinators.share.state import ShareNote
    from neuraxis.broker.work import Now

Decision = Outcome[ShareFact | states.ShareNote]


class ShareMachine:
    """Share partitions over one partition of `__share_group_state`."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits: Limits = limits or DefaultLimits()

    def new_state(self) -> ShareState:
        """No share partitions."""
        return ShareState()

    def decide(self, state: ShareState, command: Any, now: Now) -> Decision:  # Any: one of `commands`
        """What a command leads to."""
        match command:
            case Acquire():
                return self._acquire(state, command, now)
            case Acknowledge():
                return self._acknowledge(state, command, now)
            case Begin():
                return self._begin(state, command, now)
            case Advance():
                partition = state.partitions[command.key]
                changed = (
                    self._changed(command.key, partition, [], now, command.start_offset)
                    if command.start_offset > partition.start_offset
                    else ()
                )
                return Outcome(changed)
            case Release():
                return self._release(state, command, now)
            case Initialise():
                return self._initialise(state, command, now)
            case Forget():
                return Outcome(
                    tuple(SnapshotFact(key, None) for key in command.keys if key in state.partitions)
                )
            case Cut():
                return Outcome(tuple(self._cut(state, *end, now) for end in command.ends))
            case Checkpoint():
                return Outcome(
                    tuple(
                        self._snapshot(key, state.partitions[key], now)
                        for key in command.keys
                        if key in state.partitions
                    )
                )
        raise TypeError(f"{type(command).__name__} is not a command of share partitions")

    # ---- where a share partition begins ------------------------------------------------------------------------

    def _begin(self, state: ShareState, command: Begin, now: Now) -> Decision:
        partition = state.partitions.get(command.key)
        if partition is not None and partition.start_offset >= 0:
            return Outcome()
        if partition is None and len(state.partitions) >= MAX_SHARE_PARTITIONS:
            raise Refused(
                ErrorCode.POLICY_VIOLATION,
                f"This node has its {MAX_SHARE_PARTITIONS} share partitions: delete share groups that nobody uses.",
            )
        epochs = (0, 0) if partition is None else (partition.snapshot_epoch + 1, partition.state_epoch)
        snapshot = Snapshot(*epochs, command.leader_epoch, command.start_offset, 0, now.wall_ms, now.wall_ms)
        return Outcome((SnapshotFact(command.key, snapshot),))

    def _initialise(self, state: ShareState, command: Initialise, now: Now) -> Decision:
        new = sum(1 for key, _, _ in command.starts if key not in state.partitions)
        if len(state.partitions) + new > MAX_SHARE_PARTITIONS:
            raise Refused(
                ErrorCode.POLICY_VIOLATION,
                f"This node cannot have more than {MAX_SHARE_PARTITIONS} share partitions: delete share groups.",
            )
        facts = []
        for key, start_offset, leader_epoch in command.starts:
            before = state.partitions.get(key)
            epochs = (0, 0) if before is None else (before.snapshot_epoch + 1, before.state_epoch + 1)
            snapshot = Snapshot(*epochs, leader_epoch, max(start_offset, -1), 0, now.wall_ms, now.wall_ms)
            facts.append(SnapshotFact(key, snapshot))
        return Outcome(tuple(facts))

    def _cut(
        self, state: ShareState, key: ShareKey, offset: int, leader_epoch: int, now: Now
    ) -> SnapshotFact:
        """The share partition without what it knows of `offset` and later."""
        partition = state.partitions[key]
        rest = SharePartition(
            partition.state_epoch,
            leader_epoch,
            partition.snapshot_epoch,
            min(partition.start_offset, offset),
            partition.created_ms,
            0,
            list(r.within(partition.runs, partition.start_offset, offset - 1)),
        )
        return self._snapshot(key, rest, now)

    # ---- deliveries --------------------------------------------------------------------------------------------

    def _acquire(self, state: ShareState, command: Acquire, now: Now) -> Decision:
        partition = state.partitions[command.key]
        limits = self.limits.limits(command.key.group_id)
        chosen = acquire.choose(partition, command, limits) if command.batches else []
        due_ms = now.mono_ms + limits.record_lock_duration_ms
        after = list(partition.runs)
        changes: list[Change] = []
        for run in chosen:
            taken = run._replace(
                state=Delivery.ACQUIRED,
                deliveries=run.deliveries + 1,
                member=command.member_id,
                due_ms=due_ms,
            )
            r.lay(after, taken, partition.start_offset)
            for first, last in command.aborted:
                for gone in r.within(after, max(first, run.first), min(last, run.last)):
                    archived = Run(gone.first, gone.last, Delivery.ARCHIVED, gone.deliveries)
                    r.lay(after, archived, partition.start_offset)
                    changes.append(archived)
        given = [
            part
            for run in chosen
            for part in r.within(after, run.first, run.last)
            if part.state is Delivery.ACQUIRED
        ]
        records = self._changed(command.key, partition, changes, now, runs=after) if changes else ()
        notes = (Locked(command.key, tuple(given)),) if given else ()
        return Outcome(records, notes, (Reply(command.token, acquire.in_pieces(command, r.joined(given))),))

    def _acknowledge(self, state: ShareState, command: Acknowledge, now: Now) -> Decision:
        partition = state.partitions.get(command.key)
        if partition is None:
            raise Refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "Nothing of this partition was acquired.")
        limits = self.limits.limits(command.key.group_id)
        changes, renewed = acknowledged(partition, command, limits, now)
        records = self._changed(command.key, partition, changes, now) if changes else ()
        notes = (Locked(command.key, tuple(renewed)),) if renewed else ()
        return Outcome(records, notes, (Reply(command.token, None),))

    def _release(self, state: ShareState, command: Release, now: Now) -> Decision:
        records: list[ShareFact] = []
        for key in command.keys:
            partition = state.partitions.get(key)
            if partition is not None:
                held = [run for run in partition.runs if run.member == command.member_id]
                records.extend(self._given_back(key, partition, held, now))
        return Outcome(tuple(records))

    def _given_back(
        self, key: ShareKey, partition: SharePartition, held: list[Run], now: Now
    ) -> tuple[ShareFact, ...]:
        limit = self.limits.limits(key.group_id).delivery_count_limit
        changes = [given_back(run, limit) for run in held]
        return self._changed(key, partition, changes, now) if changes else ()

    def _changed(
        self,
        key: ShareKey,
        partition: SharePartition,
        changes: Iterable[Run],
        now: Now,
        start_offset: int = -1,
        runs: list[Run] | None = None,
    ) -> tuple[ShareFact, ...]:
        """The facts of changed runs, and of the start offset that they lead to."""
        changes = list(changes)
        after = list(partition.runs) if runs is None else runs
        for change in changes:
            r.lay(after, change, partition.start_offset)
        begin = max(start_offset, partition.start_offset)
        r.trim(after, begin)
        start = r.done_until(after, begin)
        batches = tuple(
            Batch(max(change.first, start), change.last, change.state, change.deliveries)
            for change in r.joined(sorted(changes))
            if change.last >= start
        )
        complete = r.done_count(after, start)
        update = UpdateFact(key, partition.snapshot_epoch, partition.leader_epoch, start, complete, batches)
        if partition.updates + 1 < self.limits.updates_per_snapshot():
            return (update,)
        r.trim(after, start)
        whole = SharePartition(
            partition.state_epoch,
            partition.leader_epoch,
            partition.snapshot_epoch,
            start,
            partition.created_ms,
            0,
            after,
        )
        return update, self._snapshot(key, whole, now)

    def _snapshot(self, key: ShareKey, partition: SharePartition, now: Now) -> SnapshotFact:
        return SnapshotFact(
            key,
            Snapshot(
                partition.snapshot_epoch + 1,
                partition.state_epoch,
                partition.leader_epoch,
                partition.start_offset,
                r.done_count(partition.runs, partition.start_offset),
                partition.created_ms,
                now.wall_ms,
                tuple(r.stored(partition.runs)),
            ),
        )

    # ---- what every machine does -------------------------------------------------------------------------------

    def apply(self, state: ShareState, fact: ShareFact | ShareNote, _now: Now) -> None:
        """Write one fact or note into the state."""
        states.apply(state, fact)

    def resume(self, _state: ShareState, _now: Now) -> Decision:
        """After a start nothing is acquired."""
        return Outcome()

    def expire(self, state: ShareState, now: Now) -> Decision:
        """Locks end: their records are available again, or archived when that was their last delivery."""
        due = sorted(lock for lock in state.heap if lock.due_ms <= now.mono_ms)[:MAX_EXPIRED]
        records: list[ShareFact] = []
        for key in dict.fromkeys(lock.key for lock in due):
            partition = state.partitions.get(key)
            if partition is not None:
                late = [
                    run
                    for run in partition.runs
                    if run.state is Delivery.ACQUIRED and run.due_ms <= now.mono_ms
                ]
                records.extend(self._given_back(key, partition, late, now))
        return Outcome(tuple(records), (LocksFired(len(due)),))

    def deadline(self, state: ShareState) -> int | None:
        """When the next lock may end."""
        return state.heap[0].due_ms if state.heap else None

    def encode(self, fact: ShareFact | ShareNote) -> tuple[bytes, bytes | None]:
        """The record of a fact."""
        assert isinstance(fact, ShareFact), "notes are never written"
        return encode_share_fact(fact)

    def decode(self, key: bytes, value: bytes | None) -> ShareFact | None:
        """The fact of a record."""
        return decode_share_fact(key, value)

    def facts(self, state: ShareState) -> Iterator[ShareFact]:
        """Facts whose fold gives the hard state again."""
        for key, partition in state.partitions.items():
            yield SnapshotFact(
                key,
                Snapshot(
                    partition.snapshot_epoch,
                    partition.state_epoch,
                    partition.leader_epoch,
                    partition.start_offset,
                    r.done_count(partition.runs, partition.start_offset),
                    partition.created_ms,
                    partition.created_ms,
                    tuple(r.stored(partition.runs)),
                ),
            )


def given_back(run: Run, limit: int) -> Run:
    """An acquired run after its member had it in vain."""
    state = Delivery.ARCHIVED if run.deliveries >= limit else Delivery.AVAILABLE
    return Run(run.first, run.last, state, run.deliveries)
