"""The catalogue coordinator: topics, configs, log starts, producer ids, the cluster. Rule: `decide` reads, `apply` writes.

Values are checked before they get here (names and partition counts by the handlers, configs by the config table); what
only the state knows is decided here: whether a topic exists, which names collide, which producer ids are free.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.machine import Outcome
from neuraxis.broker.coordinators.topics import facts as fact_bytes
from neuraxis.broker.coordinators.topics.cluster_facts import ClusterFact
from neuraxis.broker.coordinators.topics.facts import (
    ConfigsFact,
    Fact,
    LogStartFact,
    ProducerIdsFact,
    TopicFact,
    TopicGone,
)
from neuraxis.broker.coordinators.topics.state import PRODUCER_ID_BASE, CatalogueState
from neuraxis.broker.topic_names import collision_key
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from neuraxis.broker.work import Now

__all__ = [
    "PRODUCER_ID_BASE",
    "PRODUCER_ID_BLOCK",
    "CatalogueMachine",
    "CatalogueState",
    "ChangeCluster",
    "Command",
    "CreatePartitions",
    "CreateTopic",
    "DeleteTopic",
    "LowerLogStart",
    "ReserveProducerIds",
    "SetConfigs",
    "SetLogStart",
    "SetTopicConfigs",
    "TopicFact",
]

PRODUCER_ID_BLOCK = 1000
"""Producer ids taken by one synced record: Apache Kafka's block size; a restart skips what is left of a block."""


@dataclass(frozen=True, slots=True)
class CreateTopic:
    """Create a topic: 36 when the name is taken, 17 when it differs from another only by `.` and `_`."""

    name: str
    topic_id: bytes
    partitions: int
    configs: Mapping[str, str] = field(default_factory=dict)
    replication_factor: int = 1


@dataclass(frozen=True, slots=True)
class DeleteTopic:
    """Delete a topic and what was known of its partitions: 3 when there is none."""

    name: str


@dataclass(frozen=True, slots=True)
class CreatePartitions:
    """Grow a topic to `partitions` in all: 3 when there is none, 37 when it has as many already."""

    name: str
    partitions: int


@dataclass(frozen=True, slots=True)
class SetTopicConfigs:
    """Replace all configs set on a topic: 3 when there is none."""

    name: str
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SetConfigs:
    """Replace all configs set on a broker ("" is every broker), group or client metrics subscription."""

    resource_type: int
    name: str
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SetLogStart:
    """Remember that records below `offset` are deleted; a lower offset than the known one changes nothing."""

    topic_id: bytes
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class LowerLogStart:
    """The log ends before its known start (an unsynced log lost its end): from now on it starts at `offset`."""

    topic_id: bytes
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class ReserveProducerIds:
    """Take the next blocks of `PRODUCER_ID_BLOCK` producer ids: those below the new `next_producer_id`."""

    blocks: int = 1


@dataclass(frozen=True, slots=True)
class ChangeCluster:
    """Write facts of the cluster (quotas, credentials, access rules, tokens, features) that their module has checked.

    Those that change nothing are not written.
    """

    facts: tuple[ClusterFact, ...]


Command = (
    CreateTopic
    | DeleteTopic
    | CreatePartitions
    | SetTopicConfigs
    | SetConfigs
    | SetLogStart
    | LowerLogStart
    | ReserveProducerIds
    | ChangeCluster
)


class CatalogueMachine:
    """The catalogue as `coordinators.machine.Machine`. Time means nothing to it; its commands answer no calls."""

    def new_state(self) -> CatalogueState:
        """An empty catalogue."""
        return CatalogueState()

    def decide(self, state: CatalogueState, command: Command, now: Now) -> Outcome[Fact]:
        """What the command leads to; raises `Refused` as the command's own sentence says."""
        del now
        return Outcome(records=self._facts_of(state, command))

    def _facts_of(self, state: CatalogueState, command: Command) -> tuple[Fact, ...]:
        if isinstance(command, CreateTopic):
            check_name_is_free(state, command.name)
            return (
                TopicFact(
                    command.name,
                    command.topic_id,
                    command.partitions,
                    dict(command.configs),
                    command.replication_factor,
                ),
            )
        if isinstance(command, DeleteTopic):
            topic = _topic(state, command.name)
            starts = [
                LogStartFact(topic.topic_id, index, None)
                for index in range(topic.partitions)
                if (topic.topic_id, index) in state.log_starts
            ]
            return (TopicGone(command.name), *starts)
        if isinstance(command, CreatePartitions):
            topic = _topic(state, command.name)
            check_growth(topic, command.partitions)
            return (
                TopicFact(
                    topic.name, topic.topic_id, command.partitions, topic.configs, topic.replication_factor
                ),
            )
        if isinstance(command, SetTopicConfigs):
            topic = _topic(state, command.name)
            if topic.configs == command.configs:
                return ()
            return (
                TopicFact(
                    topic.name,
                    topic.topic_id,
                    topic.partitions,
                    dict(command.configs),
                    topic.replication_factor,
                ),
            )
        if isinstance(command, SetConfigs):
            if state.configs.get((command.resource_type, command.name), {}) == command.configs:
                return ()
            return (ConfigsFact(command.resource_type, command.name, dict(command.configs)),)
        if isinstance(command, SetLogStart):
            if command.offset <= state.log_starts.get((command.topic_id, command.partition), -1):
                return ()
            return (LogStartFact(command.topic_id, command.partition, command.offset),)
        if isinstance(command, ChangeCluster):
            return tuple(fact for fact in command.facts if state.cluster.changes(fact))
        if isinstance(command, LowerLogStart):
            return (LogStartFact(command.topic_id, command.partition, command.offset),)
        return (ProducerIdsFact(state.next_producer_id + command.blocks * PRODUCER_ID_BLOCK),)

    def apply(self, state: CatalogueState, fact: Fact, now: Now) -> None:
        """Write the fact into the state."""
        del now
        state.apply(fact)

    def resume(self, state: CatalogueState, now: Now) -> Outcome[Fact]:
        """A start changes nothing."""
        del state, now
        return Outcome()

    def expire(self, state: CatalogueState, now: Now) -> Outcome[Fact]:
        """Nothing in the catalogue expires."""
        del state, now
        return Outcome()

    def deadline(self, state: CatalogueState) -> int | None:
        """Never."""
        del state
        return None

    def encode(self, fact: Fact) -> tuple[bytes, bytes | None]:
        """Key and value of the fact's record."""
        return fact_bytes.encode(fact)

    def decode(self, key: bytes, value: bytes | None) -> Fact | None:
        """The fact of a record, or None for a kind of a later release."""
        return fact_bytes.decode(key, value)

    def facts(self, state: CatalogueState) -> Iterable[Fact]:
        """Facts whose fold is the state."""
        return state.facts()


def check_name_is_free(state: CatalogueState, name: str) -> None:
    """Refuse a name that is taken (36), or that only `.` and `_` tell from one that is (17)."""
    if name in state.topics:
        # In this word order: scripts around kafka-topics look for "already exists" in what it prints.
        raise Refused(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic {name} already exists.")
    other = state.collisions.get(collision_key(name))
    if other is not None:
        raise Refused(
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            f"Topic {name} would collide with topic {other}: '.' and '_' count as the same in metric names.",
        )


def check_growth(topic: TopicFact, partitions: int) -> None:
    """Refuse a partition count (37) that is not above the present one."""
    if partitions <= topic.partitions:
        raise Refused(
            ErrorCode.INVALID_PARTITIONS,
            f"Topic {topic.name} has {topic.partitions} partitions already and cannot go to {partitions}: "
            f"partitions can only be added.",
        )


def _topic(state: CatalogueState, name: str) -> TopicFact:
    topic = state.topics.get(name)
    if topic is None:
        raise Refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"There is no topic {name}.")
    return topic
