"""Planted bugs of bit rot, of the scrub, and of exchanges of segments that a crash cuts short."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker.coordinators import runtime
from neuraxis.broker.log import damage, reading, scrub, swap
from tests.simulation.plan import INSIDE, SMALL_SEGMENTS, Aim, Fault, TopicPlan
from tests.simulation.planted.bug import Bug, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch


def _damage_is_served() -> Iterable[Patch]:
    yield damage, "refuse", lambda log, offset: None
    yield damage, "clip", lambda log, segment, position, end: end


def _led_past_damage() -> Iterable[Patch]:
    yield reading, "_reach", reading.locate


def _the_last_batch_is_not_proved() -> Iterable[Patch]:
    real = scrub.Slice._prove

    def prove(self: scrub.Slice, fs: Any, end: int) -> str:
        reason = real(self, fs, end)
        if reason and self.limit - self.position < 250:
            self.position, reason = self.limit, ""
        return reason

    yield scrub.Slice, "_prove", prove


def _damaged_facts_are_left_out() -> Iterable[Patch]:
    real = runtime._proven

    def proven(log: Any, offset: int) -> Any:
        with suppress(runtime.UnreadableFact):
            yield from real(log, offset)

    yield runtime, "_proven", proven


def _an_exchange_is_not_finished() -> Iterable[Patch]:
    yield swap, "finish_at_start", lambda fs, directory, content: False


def _rotten(plan: Plan) -> Plan:
    rots = [Fault(at_ms, "rot", 3) for at_ms in (1_500, 2_500, 3_500)]
    topic = TopicPlan("stable-0", 1, {"segment.bytes": "700"})
    return small(plan, topics=(topic,), rots=tuple(rots), checkpoint_ms=150, readers=2)


def _rotten_inside(plan: Plan) -> Plan:
    times_ms = 1_500, 3_000, 4_500
    return small(
        plan,
        duration_ms=6_000,
        compaction=True,
        groups=1,
        members=2,
        consumers=2,
        transactional=2,
        checkpoint_ms=150,
        kafka=SMALL_SEGMENTS,
        snapshot_bytes=1 << 21,
        rots=tuple(Fault(at_ms, INSIDE, 3) for at_ms in times_ms),
        faults=tuple(Fault(at_ms + 100, "kill") for at_ms in times_ms),
    )


def _cut_short(plan: Plan) -> Plan:
    numbers = [5 + (5 * plan.seed + 9 * index) % 20 for index in range(8)]
    aims = [
        Aim(600 + 600 * index, "crash kill", "compaction", number, "after", "rename")
        for index, number in enumerate(numbers)
    ]
    return small(
        plan,
        duration_ms=6_000,
        compaction=True,
        groups=1,
        members=2,
        consumers=2,
        transactional=2,
        checkpoint_ms=150,
        kafka=SMALL_SEGMENTS,
        snapshot_bytes=1 << 21,
        aims=tuple(aims),
    )


BUGS = (
    Bug("damage is served", _damage_is_served, _rotten),
    Bug("led past damage", _led_past_damage, _rotten, seeds=30),
    Bug("the last batch is not proved", _the_last_batch_is_not_proved, _rotten),
    Bug("damaged facts are left out", _damaged_facts_are_left_out, _rotten_inside, seeds=20),
    Bug("an exchange is not finished", _an_exchange_is_not_finished, _cut_short, seeds=20),
)
