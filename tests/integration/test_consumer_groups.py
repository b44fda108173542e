"""Consumer groups of the newer protocol (KIP-848) as librdkafka lives them; `TARGET=kafka` plays the same on Apache Kafka."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from compat.brokers import SUITE_SETTINGS, BrokerProcess, start_target

SETTINGS = {
    **SUITE_SETTINGS,
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "200",
    "group.consumer.assignment.interval.ms": "100",
    "group.consumer.min.session.timeout.ms": "2000",
    "group.consumer.session.timeout.ms": "4000",
    "group.min.session.timeout.ms": "1000",
}
"""Members report often, so that a rebalance takes a second, not half a minute."""

PATIENCE_S = 30.0
Topics = Callable[..., str]
Seen = dict[tuple[int, int], bytes]


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerProcess]:
    """A broker of this module alone: one test restarts it."""
    with start_target(os.environ.get("TARGET", "neuraxis"), SETTINGS) as broker:
        yield broker


@pytest.fixture
def topic(broker: BrokerProcess) -> Topics:
    """Makes topics."""
    numbers = itertools.count(1)

    def make(partitions: int = 6, name: str | None = None) -> str:
        chosen = name or f"drives-{time.monotonic_ns()}-{next(numbers)}"
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_topics([NewTopic(chosen, partitions)])[chosen].result(timeout=PATIENCE_S)
        return chosen

    return make


@contextmanager
def member(broker: BrokerProcess, group: str, *topics: str, **settings: Any) -> Iterator[Consumer]:
    """A member of the newer protocol, subscribed."""
    config = {
        "bootstrap.servers": broker.bootstrap,
        "group.id": group,
        "group.protocol": "consumer",
        "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 500,
    }
    config |= {name.replace("_", "."): value for name, value in settings.items()}
    if config["group.protocol"] != "consumer":
        config |= {"session.timeout.ms": 4_000, "heartbeat.interval.ms": 200}
    consumer = Consumer(config)
    consumer.subscribe(list(topics))
    try:
        yield consumer
    finally:
        consumer.close()


def until(done: Callable[[], bool], *consumers: Consumer, seen: Seen | None = None) -> None:
    """Poll everybody in turn until it is so."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, [share(each) for each in consumers]
        for consumer in consumers:
            message = consumer.poll(0.02)
            if message is not None and seen is not None and message.error() is None:
                seen[message.partition() or 0, message.offset() or 0] = message.value() or b""


def share(consumer: Consumer) -> set[tuple[str, int]]:
    return {(each.topic, each.partition) for each in consumer.assignment()}


def sizes(*consumers: Consumer) -> list[int]:
    return sorted(len(share(each)) for each in consumers)


def produce(broker: BrokerProcess, topic: str, partitions: int, count: int, prefix: str = "") -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(count):
        producer.produce(topic, f"{prefix}{number}".encode(), partition=number % partitions)
    assert producer.flush(PATIENCE_S) == 0


def described(broker: BrokerProcess, group: str) -> Any:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    return admin.describe_consumer_groups([group])[group].result(timeout=PATIENCE_S)


def test_three_members_share_and_the_rest_take_over(broker: BrokerProcess, topic: Topics) -> None:
    name = topic(6)
    produce(broker, name, 6, 60)
    seen: Seen = {}
    with member(broker, f"three-{name}", name) as a:
        until(lambda: sizes(a) == [6], a, seen=seen)
        with member(broker, f"three-{name}", name) as b, member(broker, f"three-{name}", name) as c:
            until(lambda: sizes(a, b, c) == [2, 2, 2], a, b, c, seen=seen)
            assert not share(a) & share(b) | share(b) & share(c) | share(a) & share(c)
            group = described(broker, f"three-{name}")
            assert (group.type.name, group.state.name, len(group.members)) == ("CONSUMER", "STABLE", 3)
        until(lambda: sizes(a) == [6] and len(seen) == 60, a, seen=seen)
        produce(broker, name, 6, 60)
        until(lambda: len(seen) == 120, a, seen=seen)


def test_positions_are_kept_from_one_member_to_the_next(broker: BrokerProcess, topic: Topics) -> None:
    name = topic(1)
    produce(broker, name, 1, 10)
    for expected in (range(10), range(10, 20)):
        seen: Seen = {}
        with member(broker, f"kept-{name}", name, enable_auto_commit=False) as consumer:
            until(lambda: len(seen) == 10, consumer, seen=seen)  # noqa: B023  # called in this turn of the loop alone
            consumer.commit(asynchronous=False)
            assert sorted(offset for _, offset in seen) == list(expected)
        produce(broker, name, 1, 10)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    asked = ConsumerGroupTopicPartitions(f"kept-{name}", [TopicPartition(name, 0)])
    (answer,) = admin.list_consumer_group_offsets([asked]).values()
    assert answer.result(timeout=PATIENCE_S).topic_partitions[0].offset == 20


@pytest.mark.parametrize("assignor", ["uniform", "range"])
def test_a_member_may_ask_for_an_assignor(broker: BrokerProcess, topic: Topics, assignor: str) -> None:
    name = topic(3)
    group = f"{assignor}-{name}"
    with (
        member(broker, group, name, group_remote_assignor=assignor) as a,
        member(broker, group, name, group_remote_assignor=assignor) as b,
    ):
        until(lambda: sizes(a, b) == [1, 2], a, b)
        assert described(broker, group).partition_assignor == assignor


def test_a_static_member_comes_back_to_its_share(broker: BrokerProcess, topic: Topics) -> None:
    name = topic(4)
    group = f"static-{name}"
    with member(broker, group, name, group_instance_id="b") as b:
        with member(broker, group, name, group_instance_id="a") as a:
            until(lambda: sizes(a, b) == [2, 2], a, b)
            mine = share(a)
        with member(broker, group, name, group_instance_id="a") as a:
            until(lambda: sizes(a) == [2], a, b)
            assert share(a) == mine
            assert sizes(b) == [2]


def test_an_expression_finds_topics_that_are_made_later(broker: BrokerProcess, topic: Topics) -> None:
    first = topic(2)
    stem = first.replace("drives", "parks")
    with member(broker, f"regex-{first}", f"^({first}|{stem}-[0-9]+)$") as consumer:
        until(lambda: share(consumer) == {(first, 0), (first, 1)}, consumer)
        later = topic(1, f"{stem}-7")
        topic(1, f"{stem}-x")
        until(lambda: share(consumer) == {(first, 0), (first, 1), (later, 0)}, consumer)


def test_a_topic_that_grows_is_shared_anew(broker: BrokerProcess, topic: Topics) -> None:
    name = topic(1)
    with member(broker, f"grows-{name}", name) as consumer:
        until(lambda: sizes(consumer) == [1], consumer)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_partitions([NewPartitions(name, 4)])[name].result(timeout=PATIENCE_S)
        until(lambda: sizes(consumer) == [4], consumer)


@pytest.mark.parametrize("hard", [False, True])
def test_members_go_on_when_the_broker_is_back(broker: BrokerProcess, topic: Topics, hard: bool) -> None:
    name = topic(4)
    produce(broker, name, 4, 40)
    seen: Seen = {}
    with member(broker, f"back-{name}", name) as a, member(broker, f"back-{name}", name) as b:
        until(lambda: sizes(a, b) == [2, 2] and len(seen) == 40, a, b, seen=seen)
        broker.restart(hard=hard)
        produce(broker, name, 4, 40, "after")
        until(lambda: sizes(a, b) == [2, 2] and len(seen) == 80, a, b, seen=seen)


def test_a_group_moves_to_the_newer_protocol_and_back(broker: BrokerProcess, topic: Topics) -> None:
    name = topic(4)
    group = f"moves-{name}"
    with member(broker, group, name, group_protocol="classic") as old:
        until(lambda: sizes(old) == [4], old)
        with member(broker, group, name) as new:
            until(lambda: sizes(old, new) == [2, 2], old, new)
            assert not share(old) & share(new)
            assert described(broker, group).type.name == "CONSUMER"
        until(lambda: sizes(old) == [4], old)
        assert described(broker, group).type.name == "CLASSIC"
