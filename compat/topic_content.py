"""What is in a topic, seen with a client that is none of the program's under test (confluent-kafka): ends, records, offsets.

The rule of the file: reading is from the first to the last offset of each partition at the time of the call, without a group.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its types do not export what its documentation does
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

WAIT_S = 60  # for any one answer: the broker may be in the middle of a restart
QUIET: dict[str, str | int | float | bool] = {
    "log_level": 2
}  # a dead broker is part of the plan: no line for every attempt

# A broker that was killed takes connections before it has its partitions back.
STARTING = ("UNKNOWN_LEADER_EPOCH", "FENCED_LEADER_EPOCH", "NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE")


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a consumer sees it; the timestamp is in milliseconds."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: tuple[tuple[str, bytes | None], ...]


@functools.cache
def admin(bootstrap: str) -> AdminClient:
    """Return the admin client for a broker: one, kept, because its futures die with it."""
    return AdminClient(QUIET | {"bootstrap.servers": bootstrap})


def create_topic(
    bootstrap: str, topic: str, partitions: int = 1, config: Mapping[str, str] | None = None
) -> None:
    """Create a topic and wait until it is there."""
    new = NewTopic(topic, partitions, 1, config=dict(config or {}))
    for future in admin(bootstrap).create_topics([new], request_timeout=WAIT_S).values():
        future.result()


def partitions_of(bootstrap: str, topic: str) -> list[int]:
    """Return the partitions of a topic; none when it does not exist."""
    found = admin(bootstrap).list_topics(timeout=WAIT_S).topics.get(topic)
    return [] if found is None or found.error is not None else sorted(found.partitions)


def ends(bootstrap: str, topic: str, *, committed: bool) -> dict[int, int]:
    """Return the last stable offsets of a topic (`committed`), or its high watermarks, by partition."""
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the client has no types there
    wanted = {TopicPartition(topic, each): latest for each in partitions_of(bootstrap, topic)}
    if not wanted:
        return {}
    deadline = time.monotonic() + WAIT_S
    while True:
        answers = admin(bootstrap).list_offsets(wanted, isolation_level=level, request_timeout=WAIT_S)
        try:
            return {each.partition: future.result().offset for each, future in answers.items()}
        except KafkaException as error:
            if error.args[0].name() not in STARTING or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def read(bootstrap: str, topic: str, *, committed: bool = True) -> list[Record]:
    """Return all records of a topic in the order of each partition, read committed unless told otherwise."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "unused: partitions are assigned by hand and nothing is committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed" if committed else "read_uncommitted",
        }
        | QUIET
    )
    found: list[Record] = []
    try:
        waiting = set(partitions_of(bootstrap, topic))
        consumer.assign([TopicPartition(topic, each, 0) for each in waiting])
        deadline = time.monotonic() + WAIT_S
        while waiting:
            assert time.monotonic() < deadline, (
                f"{topic}: no end of partitions {sorted(waiting)} in {WAIT_S} s"
            )
            for message in consumer.consume(500, timeout=1):
                error = message.error()
                if error is None:
                    found.append(_record(message))
                elif error.name() == "_PARTITION_EOF":
                    waiting.discard(message.partition())
                else:
                    assert error.retriable() or error.name().startswith("_"), f"{topic}: {error}"
    finally:
        consumer.close()
    return sorted(found, key=lambda record: (record.partition, record.offset))


def _record(message: Message) -> Record:
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    headers = tuple((name, _bytes(value)) for name, value in message.headers() or [])  # type: ignore[str-unpack]  # pairs, in truth
    return Record(
        partition, offset, _bytes(message.key()), _bytes(message.value()), message.timestamp()[1], headers
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    """Return bytes as the client gives them; its types allow text, which comes from its own deserialisers alone."""
    assert not isinstance(value, str)
    return value


def group_offsets(bootstrap: str, group: str, *, stable: bool = False) -> dict[tuple[str, int], int]:
    """Return the offsets that a group has committed, by topic and partition."""
    asked = [ConsumerGroupTopicPartitions(group)]
    answers = admin(bootstrap).list_consumer_group_offsets(
        asked, require_stable=stable, request_timeout=WAIT_S
    )
    found = answers[group].result().topic_partitions
    return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}


def topic_configs(bootstrap: str, topic: str, names: Sequence[str]) -> dict[str, str | None]:
    """Return the named configs of a topic."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    (future,) = admin(bootstrap).describe_configs([resource], request_timeout=WAIT_S).values()
    entries = future.result()
    return {name: entries[name].value for name in names}


def set_topic_config(bootstrap: str, topic: str, name: str, value: str) -> None:
    """Set one config of a topic and leave the others as they are."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    (future,) = admin(bootstrap).incremental_alter_configs([resource], request_timeout=WAIT_S).values()
    future.result()


def grow_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Raise the number of partitions of a topic."""
    (future,) = admin(bootstrap).create_partitions([NewPartitions(topic, partitions)]).values()
    future.result()
