"""The world that every case finds, and steps that many scenarios begin or end with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from compat.differential.cases import Step, fixed
from compat.differential.world import World
from neuraxis.wire.messages.create_topics import CreatableTopic, CreatableTopicConfig, CreateTopicsRequest
from neuraxis.wire.messages.find_coordinator import FindCoordinatorRequest
from neuraxis.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from neuraxis.wire.records import Record, build_batch
from neuraxis.wire.schema import ZERO_UUID, Message

ONE, THREE, EMPTY, COMPACTED = "world-one", "world-three", "world-empty", "world-compacted"
"""Topics of one partition with ten records, of three with 4, 2 and none, of one with none, and a compacted one."""
TIME_MS = 1_700_000_000_000
KEEP = {"retention.ms": "-1"}  # the records are of 2023
PRODUCE_BY_NAME = 12
TOPIC_TIMEOUT_MS = 5_000


def batch(*values: bytes | None, key: bytes | None = b"k", **options: int | bool) -> bytes:
    """A batch of records a second apart from `TIME_MS` on; options as build_batch takes them."""
    made = [Record(at, TIME_MS + 1000 * at, key, value) for at, value in enumerate(values)]
    return bytes(build_batch(made, **options))  # type: ignore[arg-type]  # its options are numbers but for switches


def create_topics(name: str, partitions: int, configs: dict[str, str]) -> CreateTopicsRequest:
    """A request for one topic."""
    made = [CreatableTopicConfig(key, value) for key, value in configs.items()]
    return CreateTopicsRequest(
        [CreatableTopic(name, partitions, 1, configs=made)], timeout_ms=TOPIC_TIMEOUT_MS
    )


def produce(
    name: str, index: int, records: bytes, topic_id: bytes = ZERO_UUID, acks: int = -1
) -> ProduceRequest:
    """A request that appends one batch to one partition."""
    data = TopicProduceData(name, topic_id, [PartitionProduceData(index, records)])
    return ProduceRequest(None, acks, 5_000, [data])


def list_offsets(name: str, timestamps: dict[int, int]) -> ListOffsetsRequest:
    """A consumer's request for offsets: partition -> timestamp (or -1, -2, ...)."""
    wanted = [ListOffsetsPartition(index, -1, timestamp) for index, timestamp in timestamps.items()]
    return ListOffsetsRequest(-1, 0, [ListOffsetsTopic(name, wanted)], 5_000)


def metadata(name: str) -> MetadataRequest:
    """A request that shows one topic and creates none."""
    return MetadataRequest([MetadataRequestTopic(name=name)], allow_auto_topic_creation=False)


def topic_steps(
    name: str, partitions: int = 1, configs: dict[str, str] | None = None, *, own: bool = True
) -> list[Step]:
    """Create a topic, wait until it serves, learn its id. own: the name is a stem, the topic belongs to the case."""
    wanted = configs or {}

    def full(world: World) -> str:
        return world.name(name) if own else name

    return [
        Step(lambda world: create_topics(full(world), partitions, wanted), 7),
        Step(lambda world: metadata(full(world)), 12, learn=_learn_topics, until=_shown),
        Step(lambda world: list_offsets(full(world), dict.fromkeys(range(partitions), -2)), 8, until=_served),
    ]


def _learn_topics(world: World, answer: Message) -> None:
    for topic in answer.topics:  # type: ignore[attr-defined]  # it is a MetadataResponse
        world.learn_topic(topic.name, topic.topic_id)


def _shown(answer: Message) -> bool:
    topics = answer.topics  # type: ignore[attr-defined]  # it is a MetadataResponse
    return all(topic.error_code == 0 for topic in topics)


def _served(answer: Message) -> bool:
    topics = answer.topics  # type: ignore[attr-defined]  # it is a ListOffsetsResponse
    return all(part.error_code == 0 for topic in topics for part in topic.partitions)


def show_topic(stem: str) -> Step:
    """Look at a topic of the case."""
    return Step(lambda world: metadata(world.name(stem)), 12, learn=_learn_shown)


def _learn_shown(world: World, answer: Message) -> None:
    for topic in answer.topics:  # type: ignore[attr-defined]  # it is a MetadataResponse
        if topic.error_code == 0:
            world.learn_topic(topic.name, topic.topic_id)


def own_data(stem: str, *values: bytes) -> list[Step]:
    """A topic of the case with one batch for each value."""
    return [
        *topic_steps(stem, 1, KEEP),
        *(Step(partial(_produce_own, stem, batch(value)), PRODUCE_BY_NAME) for value in values),
    ]


def _produce_own(stem: str, records: bytes, world: World) -> Message:
    return produce(world.name(stem), 0, records)


GROUP, TRANSACTION, SHARE = 0, 1, 2


def _coordinator(kind: int) -> Step:
    key = "world-warm:AAAAAAAAQACAAAAAAAAAAQ:0" if kind == SHARE else "world-warm"
    request = FindCoordinatorRequest(key_type=kind, coordinator_keys=[key])
    return Step(fixed(request), 6, until=lambda answer: answer.coordinators[0].error_code == 0)  # type: ignore[attr-defined]  # it is a FindCoordinatorResponse


def world_steps() -> Sequence[Step]:
    """Make what every case finds."""
    fill: list[tuple[str, int, bytes]] = [
        (ONE, 0, batch(b"a", b"b", b"c")),
        (ONE, 0, batch(b"d", b"e")),
        (ONE, 0, batch(b"f", b"g", b"h", b"i", b"j")),
        (THREE, 0, batch(b"p", b"q")),
        (THREE, 0, batch(b"r", b"s")),
        (THREE, 1, batch(b"t", b"u")),
        (COMPACTED, 0, batch(b"v")),
    ]
    return [
        *(_coordinator(kind) for kind in (GROUP, TRANSACTION, SHARE)),
        *topic_steps(ONE, 1, KEEP, own=False),
        *topic_steps(THREE, 3, KEEP, own=False),
        *topic_steps(EMPTY, 1, KEEP, own=False),
        *topic_steps(COMPACTED, 1, {"cleanup.policy": "compact"}, own=False),
        *(Step(fixed(produce(name, index, data)), PRODUCE_BY_NAME) for name, index, data in fill),
    ]
