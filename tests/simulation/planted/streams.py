"""Planted bugs of streams groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker.coordinators.runtime import Shard
from neuraxis.broker.coordinators.streams import reconcile
from neuraxis.broker.coordinators.streams.facts import StreamsCurrentFact
from tests.simulation.planted.bug import Bug, often, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch

KILLS = often("kill", 1_500, 2_500, 3_500, 4_500)


def _tasks_before_they_are_free() -> Iterable[Patch]:
    yield reconcile, "_busy", lambda *_: (frozenset(), frozenset())


def _nobody_lets_go() -> Iterable[Patch]:
    real = reconcile._next

    def following(group: Any, member_id: str, current: Any, waits_at: int | None) -> Any:
        return real(group, member_id, real(group, member_id, current, waits_at), group.assignment_epoch)

    yield reconcile, "_next", following


def _tasks_only_in_memory() -> Iterable[Patch]:
    real = Shard._write

    def write(self: Shard[Any, Any], facts: tuple[Any, ...], *rest: Any) -> None:
        logged = tuple(fact for fact in facts if not isinstance(fact, StreamsCurrentFact))
        if logged:
            real(self, logged, *rest)
        for fact in facts:
            if isinstance(fact, StreamsCurrentFact):
                self.machine.apply(self.state, fact, rest[-1])

    yield Shard, "_write", write


def _streams(plan: Plan, **changes: Any) -> Plan:
    return small(
        plan, **{"streamers": 3, "duration_ms": 6_000, "session_ms": 3_000, "producers": 1, **changes}
    )


BUGS = (
    Bug("tasks before they are free", _tasks_before_they_are_free, _streams, seeds=30),
    Bug("nobody lets go of tasks", _nobody_lets_go, _streams, seeds=30),
    Bug("tasks only in memory", _tasks_only_in_memory, lambda plan: _streams(plan, faults=KILLS)),
)
