"""Planted bugs of the groups and of the runtime that carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker.coordinators.group import machine, members, state
from neuraxis.broker.coordinators.group.consumer import migration
from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft
from neuraxis.broker.coordinators.group.consumer.facts import CurrentFact
from neuraxis.broker.coordinators.group.facts import OffsetFact
from neuraxis.broker.coordinators.group.machine import GroupMachine
from neuraxis.broker.coordinators.machine import Outcome
from neuraxis.broker.coordinators.runtime import Shard
from tests.simulation.planted.bug import Bug, often, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch

POWER = often("power", 1_500, 2_500, 3_500, 4_500)
KILLS = often("kill", 1_500, 2_500, 3_500, 4_500)


def _commits_before_their_ticket() -> Iterable[Patch]:
    yield Shard, "ticket", property(lambda self: 0)


def _generations_again() -> Iterable[Patch]:
    real = state.membership_as_stored

    def as_stored(stored: Any) -> Any:
        membership = real(stored)
        membership.generation_id = 0
        return membership

    for module in (state, machine):
        yield module, "membership_as_stored", as_stored


def _any_generation_lives() -> Iterable[Patch]:
    real = members._validate_heartbeat

    def validate(membership: Any, command: Any) -> Any:
        code = real(membership, command)
        return None if code == 22 else code

    yield members, "_validate_heartbeat", validate


def _commits_only_in_memory() -> Iterable[Patch]:
    real = Shard._write

    def write(self: Shard[Any, Any], facts: tuple[Any, ...], *rest: Any) -> None:
        logged = tuple(fact for fact in facts if not isinstance(fact, OffsetFact))
        if logged:
            real(self, logged, *rest)
        for fact in facts:
            if isinstance(fact, OffsetFact):
                self.machine.apply(self.state, fact, rest[-1])

    yield Shard, "_write", write


def _decide_writes() -> Iterable[Patch]:
    real = GroupMachine.decide

    def decide(self: GroupMachine, held: Any, command: Any, now: Any) -> Any:
        held.sequence += 1
        return real(self, held, command, now)

    yield GroupMachine, "decide", decide


def _everybody_gets_everything() -> Iterable[Patch]:
    real = members._assigned

    def assigned(membership: Any, member_id: str) -> Any:
        return real(membership, min(membership.members, default=member_id))

    yield members, "_assigned", assigned


def _half_of_a_commit() -> Iterable[Patch]:
    real = GroupMachine.decide

    def decide(self: GroupMachine, held: Any, command: Any, now: Any) -> Any:
        outcome = real(self, held, command, now)
        if type(command).__name__ == "CommitOffsets" and outcome.records:
            # Only the first of several positions is kept; the answer says that all are.
            return Outcome(outcome.records[:1], outcome.notes, outcome.replies)
        return outcome

    yield GroupMachine, "decide", decide


def _partitions_before_they_are_free() -> Iterable[Patch]:
    yield ConsumerDraft, "is_owned", lambda self, topic_id, partition, member_id: False


def _assignments_only_in_memory() -> Iterable[Patch]:
    real = Shard._write

    def write(self: Shard[Any, Any], facts: tuple[Any, ...], *rest: Any) -> None:
        logged = tuple(fact for fact in facts if not isinstance(fact, CurrentFact))
        if logged:
            real(self, logged, *rest)
        for fact in facts:
            if isinstance(fact, CurrentFact):
                self.machine.apply(self.state, fact, rest[-1])

    yield Shard, "_write", write


def _who_moves_has_nothing() -> Iterable[Patch]:
    yield migration, "read_assignment", lambda data, view: {}


def _consumers(plan: Plan, **changes: Any) -> Plan:
    from tests.simulation.plan import TopicPlan

    topics = (TopicPlan("stable-0", 4, {}),)
    return _group(plan, **{"groups": 0, "consumers": 3, "topics": topics, **changes})


def _group(plan: Plan, **changes: Any) -> Plan:
    wanted = {
        "groups": 1,
        "members": 2,
        "producers": 1,
        "duration_ms": 5_500,
        "static_members": False,
        **changes,
    }
    return small(plan, **wanted)


def _sleepers(plan: Plan) -> Plan:
    return _group(plan, members=3, static_members=True, session_ms=3_000, rebalance_ms=500, duration_ms=9_000)


def _two_partitions(plan: Plan) -> Plan:
    from tests.simulation.plan import TopicPlan

    return _group(plan, topics=(TopicPlan("stable-0", 3, {}),), members=1, faults=KILLS)


BUGS = (
    Bug(
        "commits before their ticket",
        _commits_before_their_ticket,
        lambda plan: _group(plan, faults=POWER, disk_delay_ms=200, network_delay_ms=1, members=1),
        seeds=30,
    ),
    Bug("generations again", _generations_again, lambda plan: _group(plan, faults=KILLS)),
    Bug("any generation lives", _any_generation_lives, _sleepers, seeds=30),
    Bug("commits only in memory", _commits_only_in_memory, lambda plan: _group(plan, faults=KILLS)),
    Bug("decide writes", _decide_writes, _group),
    Bug("everybody gets everything", _everybody_gets_everything, _group),
    Bug("half of a commit", _half_of_a_commit, _two_partitions),
    Bug("partitions before they are free", _partitions_before_they_are_free, _consumers),
    Bug(
        "who moves has nothing",
        _who_moves_has_nothing,
        lambda plan: _consumers(plan, consumers=0, movers=3, session_ms=3_000, duration_ms=8_000),
        seeds=30,
    ),
    Bug(
        "current assignments only in memory",
        _assignments_only_in_memory,
        lambda plan: _consumers(plan, faults=KILLS),
    ),
)
