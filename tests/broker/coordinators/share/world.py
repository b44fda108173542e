"""Share partitions without a broker: commands in, answers and records out, and the log folded again at will.

Every step checks that `decide` and `expire` changed nothing, that what is written reads back as what was meant, and that
the log folds to what is known.
"""

from __future__ import annotations

import copy
from typing import Any

from neuraxis.broker.coordinators.machine import Outcome
from neuraxis.broker.coordinators.share import runs as r
from neuraxis.broker.coordinators.share.commands import (
    Ack,
    Acknowledge,
    AckType,
    Acquire,
    Acquired,
    AcquireMode,
    Begin,
    Release,
)
from neuraxis.broker.coordinators.share.facts import ShareKey
from neuraxis.broker.coordinators.share.machine import ShareMachine
from neuraxis.broker.coordinators.share.runs import Delivery
from neuraxis.broker.coordinators.share.settings import ShareLimits
from neuraxis.broker.coordinators.share.state import ShareState
from neuraxis.broker.work import Now

KEY = ShareKey("group", bytes(range(16)), 0)
LOCK_MS = 1_000
ACCEPT, RELEASE, REJECT, RENEW, GAP = (
    AckType.ACCEPT,
    AckType.RELEASE,
    AckType.REJECT,
    AckType.RENEW,
    AckType.GAP,
)


class FixedLimits:
    """The same configs for every group."""

    def __init__(self, limits: ShareLimits, updates: int) -> None:
        self.value = limits
        self.updates = updates

    def limits(self, _group_id: str, /) -> ShareLimits:
        return self.value

    def updates_per_snapshot(self) -> int:
        return self.updates


class World:
    """One group's share of one partition whose log has batches of these sizes, and a clock."""

    def __init__(self, *sizes: int, updates: int = 500, start: int = 0, **limits: Any) -> None:
        self.machine = ShareMachine(
            FixedLimits(ShareLimits(**{"record_lock_duration_ms": LOCK_MS, **limits}), updates)
        )
        self.state = self.machine.new_state()
        self.log: list[tuple[bytes, bytes | None]] = []
        self.now = Now(1_000, 1_000_000)
        self.batches: list[tuple[int, int]] = []
        self.end = 0
        for size in sizes:
            self.produce(size)
        self.do(Begin(KEY, start, 0))

    @property
    def partition(self) -> Any:
        return self.state.partitions[KEY]

    def produce(self, size: int) -> None:
        self.batches.append((self.end, self.end + size - 1))
        self.end += size

    def do(self, command: Any) -> Any:
        """Carry a command out; the body of its answer."""
        before = copy.deepcopy(self.state)
        try:
            outcome = self.machine.decide(self.state, command, self.now)
        finally:
            assert self.state == before, "decide changed the state"
        self._carry_out(outcome)
        (body,) = [reply.body for reply in outcome.replies] or [None]
        return body

    def advance(self, milliseconds: int) -> None:
        """Let time pass and act."""
        self.now = Now(self.now.mono_ms + milliseconds, self.now.wall_ms + milliseconds)
        while (deadline := self.machine.deadline(self.state)) is not None and deadline <= self.now.mono_ms:
            before = copy.deepcopy(self.state)
            outcome = self.machine.expire(self.state, self.now)
            assert self.state == before, "expire changed the state"
            self._carry_out(outcome)

    def _carry_out(self, outcome: Outcome[Any]) -> None:
        for fact in outcome.records:
            key, value = self.machine.encode(fact)
            self.log.append((key, value))
            assert self.machine.decode(key, value) == fact
            self.machine.apply(self.state, fact, self.now)
        for note in outcome.notes:
            self.machine.apply(self.state, note, self.now)
        assert self.hard(self.fold()) == self.hard(self.state)

    def fold(self) -> ShareState:
        """The state that a start would find."""
        state = self.machine.new_state()
        for key, value in self.log:
            fact = self.machine.decode(key, value)
            assert fact is not None
            self.machine.apply(state, fact, self.now)
        return state

    @staticmethod
    def hard(state: ShareState) -> dict[ShareKey, Any]:
        return {key: partition.hard() for key, partition in state.partitions.items()}

    def restart(self) -> None:
        self.state = self.fold()

    # What members do

    def acquire(
        self,
        member: str,
        max_records: int = 500,
        batch_size: int = 500,
        mode: AcquireMode = AcquireMode.BATCH_OPTIMIZED,
        aborted: tuple[tuple[int, int], ...] = (),
    ) -> list[tuple[int, int, int]]:
        """What the member gets, as (first, last, count of deliveries)."""
        first = r.first_available(self.partition.runs, self.partition.start_offset)
        batches = tuple(batch for batch in self.batches if batch[1] >= first)
        got: list[Acquired] = self.do(Acquire(KEY, member, batches, max_records, batch_size, mode, aborted))
        return [tuple(each) for each in got]

    def ack(self, member: str, *acks: tuple[int, int, int | tuple[int, ...]]) -> None:
        self.do(
            Acknowledge(
                KEY,
                member,
                tuple(
                    Ack(first, last, (types,) if isinstance(types, int) else types)
                    for first, last, types in acks
                ),
            )
        )

    def leave(self, member: str) -> None:
        self.do(Release((KEY,), member))

    def runs(self) -> list[tuple[int, int, str, int]]:
        """The runs in short."""
        return [
            (run.first, run.last, Delivery(run.state).name.lower(), run.deliveries)
            for run in self.partition.runs
        ]
