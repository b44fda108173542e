"""Planted bugs of the core, partitions, catalogue, produce and fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker import fetch_reading
from neuraxis.broker.coordinators.topics.machine import CatalogueMachine, CreateTopic, SetLogStart
from neuraxis.broker.core import Core
from neuraxis.broker.log.log import Log
from neuraxis.broker.node import Node
from neuraxis.broker.partition import Partition
from tests.simulation.plan import TopicPlan
from tests.simulation.planted.bug import Bug, often, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch

POWER = often("power", 900, 1_700, 2_600, 3_500)
KILLS = often("kill", 700, 1_300, 1_900, 2_600, 3_500)
LOG_END = property(lambda self: self.log.log_end_offset)


def _replies_before_the_sync() -> Iterable[Patch]:
    real = Core._finish

    def finish(self: Core, call: Any, response: Any) -> None:
        call.ticket = 0
        real(self, call, response)

    yield Core, "_finish", finish


def _high_watermark_is_the_end() -> Iterable[Patch]:
    yield Partition, "high_watermark", LOG_END
    yield Partition, "last_stable_offset", LOG_END


def _fetch_reads_beyond() -> Iterable[Patch]:
    yield fetch_reading, "limit_of", lambda partition, *, committed: partition.log_end_offset


def _nobody_is_woken() -> Iterable[Patch]:
    yield Partition, "wake", lambda self, now: None


def _deleted_records_are_not_logged() -> Iterable[Patch]:
    real = Node.change_catalogue

    def change(self: Node, command: Any, call: Any, now: Any, names: Any = ()) -> Any:
        return None if isinstance(command, SetLogStart) else real(self, command, call, now, names)

    yield Node, "change_catalogue", change


def _old_ids_for_new_topics() -> Iterable[Patch]:
    real = CatalogueMachine.decide
    ids: dict[str, bytes] = {}

    def decide(self: CatalogueMachine, state: Any, command: Any, now: Any) -> Any:
        if isinstance(command, CreateTopic):
            first = ids.setdefault(command.name, command.topic_id)
            command = CreateTopic(
                command.name, first, command.partitions, command.configs, command.replication_factor
            )
        return real(self, state, command, now)

    yield CatalogueMachine, "decide", decide


def _epochs_stay() -> Iterable[Patch]:
    yield Log, "raise_epoch", lambda self, epoch: None


def _producer_ids_again() -> Iterable[Patch]:
    def next_producer_id(self: Node, call: Any, now: Any) -> int:
        following, _ = self._producer_ids
        self._producer_ids = (following + 1, 0)
        return following

    yield Node, "next_producer_id", next_producer_id


def _duplicates_are_appended() -> Iterable[Patch]:
    from neuraxis.broker.log.tail_state import ProducerStates

    yield ProducerStates, "check", lambda self, header, now: None


def _remade(plan: Plan) -> Plan:
    topic = TopicPlan("volatile", 1, {"segment.bytes": "700", "file.delete.delay.ms": "100"}, volatile=True)
    return small(plan, admin=True, topics=(topic,), duration_ms=6_000)


BUGS = (
    Bug("replies before the sync", _replies_before_the_sync, lambda plan: small(plan, faults=POWER)),
    Bug("high watermark is the end", _high_watermark_is_the_end, lambda plan: small(plan, faults=POWER)),
    Bug("fetch reads beyond", _fetch_reads_beyond, small),
    Bug("nobody is woken", _nobody_is_woken, small),
    Bug(
        "deleted records are not logged",
        _deleted_records_are_not_logged,
        lambda plan: small(plan, faults=KILLS, admin=True, checkpoint_ms=6_000, duration_ms=6_000),
        seeds=30,
    ),
    Bug("old ids for new topics", _old_ids_for_new_topics, _remade),
    Bug(
        "epochs stay",
        _epochs_stay,
        lambda plan: small(plan, durability="os", faults=POWER, checkpoint_ms=6_000),
    ),
    Bug("producer ids again", _producer_ids_again, lambda plan: small(plan, producers=3, faults=KILLS)),
    Bug(
        "duplicates are appended",
        _duplicates_are_appended,
        lambda plan: small(plan, cut_percent=4, network_delay_ms=20),
    ),
)
