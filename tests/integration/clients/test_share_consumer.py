"""librdkafka's share consumer through confluent-kafka: work is shared out, settled, given back, and outlives the broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import AcknowledgeType, Message, Producer, ShareConsumer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from compat.brokers import Neuraxis

Unique = Callable[[str], str]
DEADLINE_S = 30.0  # for anything a healthy broker does in well under a second
EXPLICIT = {"share.acknowledgement.mode": "explicit"}


def prepare(bootstrap: str, topic: str, group: str, values: list[bytes], partitions: int = 1) -> None:
    """A topic with these values, and a group that reads it from its beginning."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, partitions)])[topic].result(DEADLINE_S)
    entry = ConfigEntry("share.auto.offset.reset", "earliest", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(DEADLINE_S)
    producer = Producer({"bootstrap.servers": bootstrap})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(DEADLINE_S) == 0


@contextmanager
def share_consumer_of(bootstrap: str, group: str, topic: str, **settings: str) -> Iterator[ShareConsumer]:
    """A share consumer that is closed at the end, whatever happens."""
    consumer = ShareConsumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0, **settings})
    consumer.subscribe([topic])
    try:
        yield consumer
    finally:
        consumer.close()


def poll(consumer: ShareConsumer, count: int, timeout_s: float = DEADLINE_S) -> list[Message]:
    """Messages, until there are so many or time is up."""
    found: list[Message] = []
    until = time.monotonic() + timeout_s
    while len(found) < count and time.monotonic() < until:
        for message in consumer.poll(0.2):
            assert message.error() is None, message.error()
            found.append(message)
    return found


def test_members_of_a_group_share_the_work(bootstrap: str, unique: Unique) -> None:
    topic, group = unique("jobs"), unique("workers")
    values = [b"job-%d" % number for number in range(200)]
    prepare(bootstrap, topic, group, values, partitions=2)
    with share_consumer_of(bootstrap, group, topic) as one, share_consumer_of(bootstrap, group, topic) as two:
        found: list[bytes | None] = []
        until = time.monotonic() + DEADLINE_S
        while len(found) < len(values) and time.monotonic() < until:
            for consumer in (one, two):
                found += [message.value() for message in poll(consumer, 1, 0.3)]
    assert sorted(value or b"" for value in found) == sorted(values)


def test_what_is_released_comes_again_and_what_is_rejected_does_not(bootstrap: str, unique: Unique) -> None:
    topic, group = unique("jobs"), unique("workers")
    prepare(bootstrap, topic, group, [b"accepted", b"released", b"rejected"])
    with share_consumer_of(bootstrap, group, topic, **EXPLICIT) as consumer:
        for message, kind in zip(
            poll(consumer, 3),
            (AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT),
            strict=True,
        ):
            consumer.acknowledge(message, kind)
        assert all(error is None for error in consumer.commit_sync(DEADLINE_S).values())
        (again,) = poll(consumer, 1)
        assert again.value() == b"released"
        consumer.acknowledge(again, AcknowledgeType.ACCEPT)
        consumer.commit_sync(DEADLINE_S)
        assert poll(consumer, 1, 0.5) == []


def test_what_is_settled_stays_so_when_the_broker_is_killed(tmp_path: Path) -> None:
    with Neuraxis(durability="sync", data_dir=tmp_path) as broker:
        prepare(broker.bootstrap, "jobs", "workers", [b"done", b"open"])
        with share_consumer_of(broker.bootstrap, "workers", "jobs", **EXPLICIT) as consumer:
            done, rest = poll(consumer, 2)
            assert done.value() == b"done"
            consumer.acknowledge(done, AcknowledgeType.ACCEPT)
            consumer.acknowledge(rest, AcknowledgeType.RELEASE)
            consumer.commit_sync(DEADLINE_S)
            broker.kill()
        broker.start()
        with share_consumer_of(broker.bootstrap, "workers", "jobs") as consumer:
            assert [message.value() for message in poll(consumer, 1)] == [b"open"]
            assert poll(consumer, 1, 0.5) == []
