"""Runs a coordinator: decide, write one batch, apply, answer. The only place where coordinator facts reach a log.

Hard state is exactly the fold of `apply` over what the log holds: `load` folds the log, `execute` writes first and applies
after, so both take the same path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from neuraxis.broker.call import PARKED, Call
from neuraxis.broker.coordinators.snapshot import Snapshots
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.wire import batch as batches
from neuraxis.wire import records as wire_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.coordinators.machine import Machine, Outcome
    from neuraxis.broker.coordinators.snapshot import Works
    from neuraxis.broker.partition import Partition
    from neuraxis.broker.work import Now

F = TypeVar("F")
S = TypeVar("S")

MAX_FACT_BYTES = 64 * 1024 * 1024
"""Largest decompressed coordinator batch that a start accepts: our own batches are never compressed and stay far below."""


class UnreadableFact(Exception):
    """A record of a coordinator's log that `apply` cannot take at start; names where it lies."""


class Shard(Generic[S, F]):
    """One coordinator over one partition of its internal topic."""

    def __init__(self, machine: Machine[S, F], partition: Partition, works: Works | None = None) -> None:
        """Over a partition of its own; `works` is the store that snapshots are written through (None: none are)."""
        self.machine = machine
        self.partition = partition
        self._snapshots = Snapshots(partition.log, works)
        self.state: S = machine.new_state()
        self._calls: dict[int, Call] = {}

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
        for view in log.batches_from(start):
            header = batches.read_header(view)
            self._snapshots.saw(len(view), header.crc)
            if header.is_control:
                continue
            for record in wire_records.iter_records(view, MAX_FACT_BYTES):
                self._fold(record.key or b"", record.value, record.offset, now)
                count += 1
        return count

    def _fold(self, key: bytes, value: bytes | None, offset: int, now: Now) -> None:
        try:
            fact = self.machine.decode(key, value)
            if fact is not None:
                self.machine.apply(self.state, fact, now)
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
            self._carry_out(self.machine.expire(self.state, now), None, now)

    def deadline(self) -> int | None:
        """The `mono_ms` at which `tick` could matter."""
        return self.machine.deadline(self.state)

    def forget(self, call: Call) -> None:
        """A parked call's connection is gone: its answer will be dropped."""
        self._calls.pop(call.token, None)

    def _carry_out(self, outcome: Outcome[F], call: Call | None, now: Now) -> Any:  # Any: see `execute`
        if outcome.records:
            self._write(outcome.records, now)
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
        if outcome.records:
            self._snapshots.take_if_due(self._all_records)
        return response

    def _all_records(self) -> Iterator[tuple[bytes, bytes | None]]:
        return (self.machine.encode(fact) for fact in self.machine.facts(self.state))

    def _write(self, facts: tuple[F, ...], now: Now) -> None:
        """Write the facts as one batch, then apply them. Failing in here stops the broker: half of it may have happened."""
        try:
            records = []
            for delta, fact in enumerate(facts):
                key, value = self.machine.encode(fact)
                records.append(wire_records.Record(delta, now.wall_ms, key, value, ()))
            view = memoryview(wire_records.build_batch(records))
            header = batches.read_header(view)
            self.partition.append(view, header, now)
            self._snapshots.saw(len(view), header.crc)
            for fact in facts:
                self.machine.apply(self.state, fact, now)
        except StorageFailed:
            raise
        except Exception as error:
            raise StorageFailed(
                f"writing {len(facts)} facts to {self.partition.topic}-{self.partition.index}", error
            ) from error
