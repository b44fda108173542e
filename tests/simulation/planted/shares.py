"""Planted bugs of share groups: locks, deliveries, verdicts, and what a power cut leaves of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker.coordinators.runtime import Shard
from neuraxis.broker.coordinators.share import acquire, machine
from neuraxis.broker.coordinators.share import runs as r
from neuraxis.broker.coordinators.share.facts import UpdateFact
from neuraxis.broker.coordinators.share.machine import ShareMachine
from neuraxis.broker.coordinators.share.runs import Delivery
from neuraxis.broker.shares import Shares
from neuraxis.wire.errors import Refused
from tests.simulation.plan import TopicPlan
from tests.simulation.planted.bug import Bug, often, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch

POWER = often("power", 900, 1_700, 2_600, 3_500)
KILLS = often("kill", 900, 1_700, 2_600, 3_500)


def _locks_do_not_hold() -> Iterable[Patch]:
    real = acquire._available

    def available(partition: Any, command: Any) -> Any:
        first, last = command.batches[0][0], command.batches[-1][1]
        held = [run for run in r.within(partition.runs, first, last) if run.state is Delivery.ACQUIRED]
        return sorted([*real(partition, command), *held])

    yield acquire, "_available", available


def _locks_do_not_end() -> Iterable[Patch]:
    yield ShareMachine, "deadline", lambda self, state: None


def _deliveries_are_not_counted() -> Iterable[Patch]:
    real = machine.given_back

    def given_back(run: Any, limit: int) -> Any:
        back = real(run, limit)
        return back._replace(deliveries=back.deliveries - 1)

    yield machine, "given_back", given_back


def _one_delivery_too_many() -> Iterable[Patch]:
    real = machine.given_back
    yield machine, "given_back", lambda run, limit: real(run, limit + 1)


def _anybody_may_settle() -> Iterable[Patch]:
    real = machine.acknowledged

    def acknowledged(*asked: Any) -> Any:
        try:
            return real(*asked)
        except Refused:
            return [], []

    yield machine, "acknowledged", acknowledged


def _verdicts_only_in_memory() -> Iterable[Patch]:
    real = Shard._write

    def write(self: Shard[Any, Any], facts: tuple[Any, ...], *rest: Any) -> None:
        logged = tuple(fact for fact in facts if not isinstance(fact, UpdateFact))
        if logged:
            real(self, logged, *rest)
        for fact in facts:
            if isinstance(fact, UpdateFact):
                self.machine.apply(self.state, fact, rest[-1])

    yield Shard, "_write", write


def _verdicts_before_their_ticket() -> Iterable[Patch]:
    yield Shard, "ticket", property(lambda self: 0)


def _what_is_gone_is_not_cut() -> Iterable[Patch]:
    yield Shares, "_cut_what_is_gone", lambda self, now: None


def _sharing(plan: Plan, **changes: Any) -> Plan:
    return small(plan, **{"share_consumers": 2, "readers": 0, "producers": 1, **changes})


def _half_synced(plan: Plan) -> Plan:
    """One topic loses its end, another one is synced and with it what is known of both."""
    topics = (
        TopicPlan("stable-0", 1, {"segment.bytes": "700"}),
        TopicPlan("stable-1", 1, {"segment.bytes": "700", "flush.messages": "1"}),
    )
    return _sharing(plan, durability="os", topics=topics, faults=POWER, checkpoint_ms=6_000)


BUGS = (
    Bug("locks do not hold", _locks_do_not_hold, _sharing),
    Bug("locks do not end", _locks_do_not_end, lambda plan: _sharing(plan, cut_percent=4)),
    Bug("deliveries are not counted", _deliveries_are_not_counted, _sharing),
    Bug("one delivery too many", _one_delivery_too_many, lambda plan: _sharing(plan, delivery_limit=2)),
    Bug("anybody may settle", _anybody_may_settle, lambda plan: _sharing(plan, session_ms=3_000), seeds=30),
    Bug("verdicts only in memory", _verdicts_only_in_memory, lambda plan: _sharing(plan, faults=KILLS)),
    Bug(
        "verdicts before their ticket",
        _verdicts_before_their_ticket,
        lambda plan: _sharing(plan, faults=POWER, disk_delay_ms=200, network_delay_ms=1),
        seeds=30,
    ),
    Bug("what is gone is not cut", _what_is_gone_is_not_cut, _half_synced),
)
