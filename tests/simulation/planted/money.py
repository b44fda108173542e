"""Planted bugs of transactions: order of the end, readers of committed data, pending positions, fencing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker import transactions
from neuraxis.broker.coordinators.runtime import Shard
from neuraxis.broker.coordinators.transaction import partitions
from neuraxis.broker.log.log import Log
from neuraxis.broker.log.tail_state import ProducerStates
from neuraxis.broker.transactions import Transactions
from neuraxis.wire.errors import ErrorCode
from tests.simulation.planted.bug import Bug, often, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch

POWER = often("power", 900, 1_500, 2_100, 2_700, 3_300, 3_900)
MANY_CUTS = often("power", *range(500, 3_900, 170), number=3)
KILLS = often("kill", 700, 1_300, 1_900, 2_600, 3_500)


def _markers_before_prepare() -> Iterable[Patch]:
    End = transactions._End
    real = End.prepare

    def prepare(self: Any, now: Any) -> None:
        ending = self.shard.state.endings[self.name]
        self.transactions.write_markers(ending.prepared, 0, now)
        real(self, now)

    yield End, "prepare", prepare


def _no_syncs_between_the_steps() -> Iterable[Patch]:
    yield transactions._End, "_after_sync", lambda self, logs, step, now: step(now)


def _open_transactions_are_shown() -> Iterable[Patch]:
    yield Log, "last_stable_offset", property(lambda self: self.durable_offset)


def _aborted_in_the_order_of_markers() -> Iterable[Patch]:
    real = Log.aborted_between
    yield Log, "aborted_between", lambda self, *rest: real(self, *rest)[::-1]


def _aborted_are_not_told() -> Iterable[Patch]:
    yield Log, "aborted_between", lambda self, offset, found, limit: []


def _pending_positions_are_applied_at_once() -> Iterable[Patch]:
    real = Shard._hold

    def hold(self: Any, producer_id: int, key: bytes, offset: int, fact: Any) -> None:
        real(self, producer_id, key, offset, fact)
        self.machine.apply(self.state, fact, None)

    yield Shard, "_hold", hold


def _aborted_positions_are_applied() -> Iterable[Patch]:
    real = Shard._release
    yield Shard, "_release", lambda self, producer_id, commit, now: real(self, producer_id, True, now)


def _zombies_may_join() -> Iterable[Patch]:
    real = partitions._refused

    def refused(*asked: Any) -> ErrorCode:
        code = real(*asked)
        return ErrorCode.NONE if code is ErrorCode.PRODUCER_FENCED else code

    yield partitions, "_refused", refused
    yield ProducerStates, "check", lambda self, header, now: None


def _nobody_is_fenced_after_a_power_cut() -> Iterable[Patch]:
    yield Transactions, "_fence_what_lost_records", lambda self, now: None


def _decided_ends_are_forgotten() -> Iterable[Patch]:
    yield Transactions, "drive_all", lambda self, now: None


def _money(plan: Plan, **changes: Any) -> Plan:
    return small(plan, transactional=2, producers=0, readers=0, **changes)


BUGS = (
    Bug(
        "markers before prepare",
        _markers_before_prepare,
        lambda plan: _money(plan, durability="os", faults=MANY_CUTS, disk_delay_ms=40, pace_ms=5),
        seeds=20,
    ),
    Bug(
        "no syncs between the steps of an end",
        _no_syncs_between_the_steps,
        lambda plan: _money(plan, durability="os", faults=POWER),
        seeds=40,
    ),
    Bug("open transactions are shown", _open_transactions_are_shown, _money),
    Bug("aborted in the order of markers", _aborted_in_the_order_of_markers, _money),
    Bug("aborted are not told", _aborted_are_not_told, _money),
    Bug("pending positions are applied at once", _pending_positions_are_applied_at_once, _money),
    Bug("aborted positions are applied", _aborted_positions_are_applied, _money),
    Bug(
        "zombies may join",
        _zombies_may_join,
        lambda plan: _money(plan, faults=KILLS, cut_percent=4),
        seeds=40,
    ),
    Bug(
        "nobody is fenced after a power cut",
        _nobody_is_fenced_after_a_power_cut,
        lambda plan: _money(plan, durability="os", faults=POWER),
        seeds=40,
    ),
    Bug(
        "decided ends are forgotten",
        _decided_ends_are_forgotten,
        lambda plan: _money(plan, durability="os", faults=KILLS),
        seeds=40,
    ),
)
