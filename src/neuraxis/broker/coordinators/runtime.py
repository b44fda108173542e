"""Runs a coordinator: decide, write one batch, apply, answer. The only place where coordinator facts reach a log.

Hard state is exactly the fold of `apply` over what the log holds: `load` folds the log, `execute` writes first and applies
after, so both take the same path.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from neuraxis.broker.call import PARKED, Call
from neuraxis.broker.coordinators.snapshot import Snapshots
from neuraxis.broker.log import reading
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.scan import valid_batches
from neuraxis.wire import batch as batches
from neuraxis.wire import records as wire_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.coordinators.agenda import Agenda
    from neuraxis.broker.coordinators.machine import Machine, Outcome
    from neuraxis.broker.coordinators.snapshot import Works
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.partition import Partition
    from neuraxis.broker.work import Now
    from neuraxis.wire.batch import BatchHeader

F = TypeVar("F")
S = TypeVar("S")

MAX_FACT_BYTES = 64 * 1024 * 1024
"""Largest decompressed coordinator batch that a start accepts: our own batches are never compressed and stay far below."""


class UnreadableFact(ValueError):
    """What a coordinator's log holds cannot be taken at start; says where it lies and what to do."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where}. The broker does not start on a part of what was promised: put the segment back from a backup "
            "(neuraxis restore). `neuraxis log check` says all that is damaged."
        )


class Shard(Generic[S, F]):
    """One coordinator over one partition of its internal topic."""

    def __init__(
        self,
        machine: Machine[S, F],
        partition: Partition,
        works: Works | None = None,
        agenda: Agenda | None = None,
    ) -> None:
        """Over a partition of its own.

        `works` is the store that snapshots are written through (None: none are), `agenda` is told when the deadline may
        have changed (None: whoever made the shard asks for it).
        """
        self._agenda = agenda
        self.agenda_at: int | None = None
        self.touched = False
        self.machine = machine
        self.partition = partition
        self._snapshots = Snapshots(partition.log, works)
        self.state: S = machine.new_state()
        self._calls: dict[int, Call] = {}
        self._held: dict[int, dict[bytes, tuple[int, F | None]]] = {}  # by producer, key: offset and fact

    @property
    def ticket(self) -> int:
        """The newest write of this shard: whoever reads its state has seen up to here."""
        return self.partition.log.ticket

    def load(self, now: Now) -> int:
        """Fold the newest snapshot and what the log holds after it into the state; returns the number of facts."""
        log = self.partition.log
        count, start = 0, log.log_start_offset
        snapshot = self._snapshots.newest()
        if snapshot is not None:
            start = snapshot.offset
            for key, value in snapshot.records:
                self._fold(key, value, start, now)
                count += 1
        for header, view in _proven(log, start):
            self._snapshots.saw(len(view), header.crc)
            if header.is_control:
                marker = batches.read_control_marker(view)
                if marker is not None:
                    self._release(header.producer_id, marker.type is batches.ControlType.COMMIT, now)
                continue
            producer_id = header.producer_id if header.is_transactional else None
            for record in wire_records.iter_records(view, MAX_FACT_BYTES):
                self._fold(record.key or b"", record.value, record.offset, now, producer_id)
                count += 1
        return count

    def _fold(
        self, key: bytes, value: bytes | None, offset: int, now: Now, producer_id: int | None = None
    ) -> None:
        try:
            fact = self.machine.decode(key, value)
            if fact is None:
                return
            if producer_id is None:
                self._apply(key, offset, fact, now)
            else:
                self._hold(producer_id, key, offset, fact)
        except Exception as error:
            log = self.partition.log
            raise UnreadableFact(
                f"{log.topic}-{log.partition} offset {offset}: {type(error).__name__}: {error}"
            ) from error

    def resume(self, now: Now) -> None:
        """Begin to serve after `load`."""
        self._carry_out(self.machine.resume(self.state, now), None, now)

    def read(self, call: Call) -> S:
        """The state, to be read for the call: its answer leaves when all that it can have seen is durable."""
        call.saw(self.ticket)
        return self.state

    def execute(
        self, command: Any, call: Call | None, now: Now
    ) -> Any:  # Any: the machine's command; a response or PARKED
        """Run one command for a call (or for nobody). Returns the call's response, PARKED, or None for nobody.

        A refusal (`Refused`) of `decide` passes through: nothing was written.
        """
        if call is not None:
            self._calls[call.token] = call
        try:
            outcome = self.machine.decide(self.state, command, now)
        except BaseException:
            if call is not None:
                del self._calls[call.token]
            raise
        return self._carry_out(outcome, call, now)

    def tick(self, now: Now) -> None:
        """Let time act."""
        deadline = self.machine.deadline(self.state)
        if deadline is not None and deadline <= now.mono_ms:
            outcome = self.machine.expire(self.state, now)
            if self._held:  # what is pending may come at any moment: time must not delete it
                records = tuple(fact for fact in outcome.records if not self.is_pending(fact))
                outcome = replace(outcome, records=records)
            self._carry_out(outcome, None, now)

    def deadline(self) -> int | None:
        """The `mono_ms` at which `tick` could matter."""
        return self.machine.deadline(self.state)

    def forget(self, call: Call) -> None:
        """A parked call's connection is gone: its answer will be dropped."""
        self._calls.pop(call.token, None)

    def answer(self, token: int, body: Any) -> None:  # Any: the response object of the call
        """Answer a parked call from outside of a command: somebody had to wait for more than this log."""
        call = self._calls.pop(token, None)
        if call is not None:
            call.saw(self.ticket)
            call.answer(body)

    def _carry_out(self, outcome: Outcome[F], call: Call | None, now: Now) -> Any:  # Any: see `execute`
        if self._agenda is not None:
            self._agenda.touch(self)
        if outcome.records:
            self._write(outcome.records, outcome.transaction, now)
        for note in outcome.notes:
            self.machine.apply(self.state, note, now)
        ticket = self.ticket
        response: Any = PARKED if call is not None else None  # Any: see `execute`
        for token, body in outcome.replies:
            answered = self._calls.pop(token, None)
            if answered is None:
                continue
            answered.saw(ticket)
            if answered is call:
                response = body
            else:
                answered.answer(body)
        if response is PARKED and call is not None:
            call.abandon = lambda: self.forget(call)
        if outcome.records and not self._held:  # a snapshot has no place for facts that are pending
            self._snapshots.take_if_due(self._all_records)
        return response

    def _all_records(self) -> Iterator[tuple[bytes, bytes | None]]:
        return (self.machine.encode(fact) for fact in self.machine.facts(self.state))

    def end_transaction(
        self, producer_id: int, epoch: int, *, commit: bool, coordinator_epoch: int, now: Now
    ) -> None:
        """Write the marker that ends a producer's transaction here, and apply its facts if it commits."""
        if self._agenda is not None:
            self._agenda.touch(self)
        header = self.partition.end_transaction(
            producer_id, epoch, commit=commit, coordinator_epoch=coordinator_epoch, now=now
        )
        self._snapshots.saw(header.size, header.crc)
        self._release(producer_id, commit, now)

    def is_pending(self, fact: F) -> bool:
        """Whether a transaction that is still open has written a fact with the key of this one."""
        if not self._held:
            return False
        key, _ = self.machine.encode(fact)
        return any(key in pending for pending in self._held.values())

    def pending(self) -> Iterator[F]:
        """The facts that open transactions have written, but for those that others have come after."""
        return (fact for held in self._held.values() for _, fact in held.values() if fact is not None)

    def _hold(self, producer_id: int, key: bytes, offset: int, fact: F) -> None:
        self._held.setdefault(producer_id, {})[key] = (offset, fact)

    def _release(self, producer_id: int, commit: bool, now: Now) -> None:
        for key, (offset, fact) in self._held.pop(producer_id, {}).items():
            if commit and fact is not None:
                self._apply(key, offset, fact, now)

    def _apply(self, key: bytes, offset: int, fact: F, now: Now) -> None:
        """Apply a fact. An older one of the same key that is still pending must not come after it: it is dropped."""
        for held in self._held.values():
            if key in held and held[key][0] < offset:
                held[key] = (held[key][0], None)
        self.machine.apply(self.state, fact, now)

    def _write(self, facts: tuple[F, ...], transaction: tuple[int, int] | None, now: Now) -> None:
        """Write the facts as one batch, then apply them. Failing in here stops the broker: half of it may have happened."""
        try:
            records = []
            for delta, fact in enumerate(facts):
                key, value = self.machine.encode(fact)
                records.append(wire_records.Record(delta, now.wall_ms, key, value, ()))
            producer_id, epoch = transaction or (batches.NO_PRODUCER_ID, batches.NO_PRODUCER_EPOCH)
            view = memoryview(
                wire_records.build_batch(
                    records,
                    producer_id=producer_id,
                    producer_epoch=epoch,
                    transactional=transaction is not None,
                )
            )
            header = batches.read_header(view)
            offset, _ = self.partition.append(view, header, now)
            self._snapshots.saw(len(view), header.crc)
            for record, fact in zip(records, facts, strict=True):
                if transaction is None:
                    self._apply(record.key or b"", offset + record.offset, fact, now)
                else:
                    self._hold(producer_id, record.key or b"", offset + record.offset, fact)
        except StorageFailed:
            raise
        except Exception as error:
            raise StorageFailed(
                f"writing {len(facts)} facts to {self.partition.topic}-{self.partition.index}", error
            ) from error


def _proven(log: Log, offset: int) -> Iterator[tuple[BatchHeader, memoryview]]:
    """The batches from `offset` on, each proved by its checksum. Raises UnreadableFact where one is damaged.

    Compaction leaves gaps, so offsets alone do not tell that something is missing: a segment must be read to its end.
    """
    for segment, following in zip(log.segments, [*log.bases[1:], log.log_end_offset], strict=True):
        if following <= offset:
            continue
        position = reading.locate(log, segment, offset) if segment.base_offset < offset else 0
        for at, header, view in valid_batches(log.fs, segment.file, position, segment.size):
            if not offset <= header.last_offset < following:
                break
            yield header, view
            position, offset = at + header.size, header.next_offset
        if position < segment.size:
            raise UnreadableFact(f"{segment.file.path} is damaged at byte {position}")
