"""librdkafka through confluent-kafka: what applications do with it, as plain functions of a bootstrap string."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

Unique = Callable[[str], str]
DEADLINE_S = 30.0  # for anything a healthy broker does in well under a second


def produce(bootstrap: str, topic: str, values: list[bytes], **settings: object) -> list[Message]:
    """Produce the values to partition 0, wait for every report, and return the messages in order of offset."""
    delivered: list[Message] = []

    def on_delivery(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        delivered.append(message)

    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, **settings})
    for value in values:
        producer.produce(topic, value, partition=0, on_delivery=on_delivery)
    assert producer.flush(DEADLINE_S) == 0
    return sorted(delivered, key=lambda message: message.offset() or 0)  # acks=0 tells no offset


@contextmanager
def consumer_of(bootstrap: str, group: str, **settings: object) -> Iterator[Consumer]:
    """A consumer that is closed at the end, whatever happens."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            **settings,
        }
    )
    try:
        yield consumer
    finally:
        consumer.close()


def take(consumer: Consumer, count: int) -> list[Message]:
    """Poll until `count` messages are there; fail on an error or after the deadline."""
    messages: list[Message] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} messages after {DEADLINE_S} s"
        message = consumer.poll(0.5)
        if message is not None:
            assert message.error() is None, message.error()
            messages.append(message)
    return messages


def read_all(bootstrap: str, topic: str, count: int, unique: Unique, **settings: object) -> list[Message]:
    """Read `count` messages of partition 0 from its beginning, without joining a group."""
    with consumer_of(bootstrap, unique("reader"), **settings) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        return take(consumer, count)


def test_what_is_produced_is_consumed_in_order(bootstrap: str, topic: str, unique: Unique) -> None:
    values = [b"value-%d" % number for number in range(1000)]
    delivered = produce(bootstrap, topic, values)
    assert [message.offset() for message in delivered] == list(range(1000))
    read = read_all(bootstrap, topic, 1000, unique)
    assert [message.value() for message in read] == values
    assert [message.offset() for message in read] == list(range(1000))


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_every_level_of_acks_delivers(bootstrap: str, topic: str, unique: Unique, acks: str) -> None:
    produce(bootstrap, topic, [b"a", b"b"], acks=acks)
    assert [message.value() for message in read_all(bootstrap, topic, 2, unique)] == [b"a", b"b"]


def test_keys_headers_and_null_values_come_back_unchanged(bootstrap: str, topic: str, unique: Unique) -> None:
    headers = [("trace", b"\x00\xff"), ("trace", b"again"), ("empty", b""), ("none", None)]
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, value=None, key=b"tombstone", headers=headers)
    producer.produce(topic, value=b"", key=b"")
    assert producer.flush(DEADLINE_S) == 0
    first, second = read_all(bootstrap, topic, 2, unique)
    assert (first.key(), first.value(), first.headers()) == (b"tombstone", None, headers)
    assert (second.key(), second.value(), second.headers()) == (b"", b"", None)


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_compression_round_trips(bootstrap: str, topic: str, unique: Unique, codec: str) -> None:
    values = [b"the same words again and again %d" % number for number in range(500)]
    produce(bootstrap, topic, values, **{"compression.type": codec})
    read = read_all(bootstrap, topic, 500, unique, **{"check.crcs": True})
    assert [message.value() for message in read] == values


def test_an_idempotent_producer_delivers_each_message_once(
    bootstrap: str, topic: str, unique: Unique
) -> None:
    values = [b"%d" % number for number in range(5000)]
    settings = {"enable.idempotence": True, "batch.num.messages": 50, "linger.ms": 0}
    delivered = produce(bootstrap, topic, values, **settings)
    assert [message.offset() for message in delivered] == list(range(5000))
    assert [message.value() for message in read_all(bootstrap, topic, 5000, unique)] == values


def test_timestamps_are_kept_and_found(bootstrap: str, topic: str, unique: Unique) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(10):
        producer.produce(topic, b"%d" % number, partition=0, timestamp=1_700_000_000_000 + number * 1000)
    assert producer.flush(DEADLINE_S) == 0
    stamps = [message.timestamp()[1] for message in read_all(bootstrap, topic, 10, unique)]
    assert stamps == [1_700_000_000_000 + number * 1000 for number in range(10)]
    with consumer_of(bootstrap, unique("times")) as consumer:

        def first_at(stamp: int) -> int:
            (found,) = consumer.offsets_for_times([TopicPartition(topic, 0, stamp)], timeout=DEADLINE_S)
            return found.offset

        assert first_at(1_700_000_000_000) == 0
        assert first_at(1_700_000_004_500) == 5
        assert first_at(1_800_000_000_000) == -1  # the end: no record is that late


def test_a_message_of_almost_a_megabyte_passes_and_a_larger_one_is_refused(
    bootstrap: str, topic: str, unique: Unique
) -> None:
    large = os.urandom(1_000_000)
    produce(bootstrap, topic, [large], **{"message.max.bytes": 1_048_000})
    assert read_all(bootstrap, topic, 1, unique)[0].value() == large

    errors: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 4_000_000})
    producer.produce(topic, os.urandom(2_000_000), on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(DEADLINE_S) == 0
    assert [error.code() for error in errors if error is not None] == [KafkaError.MSG_SIZE_TOO_LARGE]


def test_seek_reads_again_from_where_it_points(bootstrap: str, topic: str, unique: Unique) -> None:
    produce(bootstrap, topic, [b"%d" % number for number in range(100)])
    with consumer_of(bootstrap, unique("seek")) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        assert take(consumer, 100)[-1].value() == b"99"
        consumer.seek(TopicPartition(topic, 0, 42))
        assert take(consumer, 1)[0].value() == b"42"
        assert consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=DEADLINE_S) == (0, 100)


def test_an_offset_out_of_range_follows_the_reset_policy(bootstrap: str, topic: str, unique: Unique) -> None:
    produce(bootstrap, topic, [b"first", b"second"])
    with consumer_of(bootstrap, unique("range")) as consumer:
        consumer.assign([TopicPartition(topic, 0, 1_000_000)])
        assert take(consumer, 1)[0].value() == b"first"


def test_committed_offsets_survive_the_consumer(bootstrap: str, topic: str, unique: Unique) -> None:
    produce(bootstrap, topic, [b"%d" % number for number in range(10)])
    group = unique("resume")
    with consumer_of(bootstrap, group) as consumer:
        consumer.subscribe([topic])
        message = take(consumer, 4)[-1]
        assert message.value() == b"3"
        consumer.commit(
            offsets=[TopicPartition(topic, 0, message.offset() + 1, metadata="up to three")],
            asynchronous=False,
        )
    with consumer_of(bootstrap, group) as consumer:
        (committed,) = consumer.committed([TopicPartition(topic, 0)], timeout=DEADLINE_S)
        assert (committed.offset, committed.metadata) == (4, "up to three")
        consumer.subscribe([topic])
        assert [message.value() for message in take(consumer, 6)] == [b"%d" % n for n in range(4, 10)]


@pytest.mark.parametrize("strategy", ["range", "roundrobin", "cooperative-sticky"])
def test_two_members_share_the_partitions(
    bootstrap: str, wide_topic: str, unique: Unique, strategy: str
) -> None:
    group = unique("shared")
    settings = {"partition.assignment.strategy": strategy, "heartbeat.interval.ms": 200}
    with (
        consumer_of(bootstrap, group, **settings) as first,
        consumer_of(bootstrap, group, **settings) as second,
    ):
        first.subscribe([wide_topic])
        second.subscribe([wide_topic])
        deadline = time.monotonic() + DEADLINE_S
        while True:
            assert time.monotonic() < deadline, "the group never settled"
            assert first.poll(0.05) is None
            assert second.poll(0.05) is None
            shares = [sorted(part.partition for part in member.assignment()) for member in (first, second)]
            if sorted(shares[0] + shares[1]) == [0, 1, 2, 3] and len(shares[0]) == len(shares[1]) == 2:
                break


def test_when_a_member_leaves_the_other_takes_over(bootstrap: str, wide_topic: str, unique: Unique) -> None:
    group = unique("leave")
    settings = {"heartbeat.interval.ms": 200}
    with consumer_of(bootstrap, group, **settings) as stays:
        with consumer_of(bootstrap, group, **settings) as leaves:
            stays.subscribe([wide_topic])
            leaves.subscribe([wide_topic])
            poll_until(lambda: len(stays.assignment()) == 2 and len(leaves.assignment()) == 2, stays, leaves)
        poll_until(lambda: len(stays.assignment()) == 4, stays)


def test_a_static_member_keeps_its_partitions_over_a_restart(
    bootstrap: str, wide_topic: str, unique: Unique
) -> None:
    group = unique("static")
    rebalances: list[int] = []

    def counted(_consumer: Consumer, partitions: list[TopicPartition]) -> None:
        rebalances.append(len(partitions))

    settings = {"heartbeat.interval.ms": 200, "session.timeout.ms": 20_000}
    with consumer_of(bootstrap, group, **{"group.instance.id": "one"}, **settings) as one:
        one.subscribe([wide_topic], on_assign=counted)
        with consumer_of(bootstrap, group, **{"group.instance.id": "two"}, **settings) as two:
            two.subscribe([wide_topic])
            poll_until(lambda: len(one.assignment()) == 2 and len(two.assignment()) == 2, one, two)
        settled = len(rebalances)
        with consumer_of(bootstrap, group, **{"group.instance.id": "two"}, **settings) as two:
            two.subscribe([wide_topic])
            poll_until(lambda: len(two.assignment()) == 2, one, two)
        assert len(rebalances) == settled, "the restart of a static member rebalanced the others"


def poll_until(done: Callable[[], bool], *consumers: Consumer) -> None:
    """Poll the consumers in turn until `done`; they must not see an error."""
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline, "the group never settled"
        for consumer in consumers:
            message = consumer.poll(0.05)
            assert message is None or message.error() is None


def test_a_waiting_consumer_is_woken_by_a_produce(bootstrap: str, topic: str, unique: Unique) -> None:
    """A fetch that waits 10 s for bytes is answered when they come, not when it times out."""
    produce(bootstrap, topic, [b"before"])
    with consumer_of(bootstrap, unique("woken"), **{"fetch.wait.max.ms": 10_000}) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        assert take(consumer, 1)[0].value() == b"before"
        received: list[float] = []
        reader = threading.Thread(target=lambda: (take(consumer, 1), received.append(time.monotonic())))
        reader.start()
        produce(bootstrap, topic, [b"after"], **{"linger.ms": 0})
        acknowledged = time.monotonic()
        reader.join(DEADLINE_S)
        assert received, "never woken"
        assert received[0] - acknowledged < 5


def test_topics_are_made_by_producing_when_the_broker_allows_it(bootstrap: str, unique: Unique) -> None:
    name = unique("by-itself")
    produce(bootstrap, name, [b"hello"])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    listed = admin.list_topics(name, timeout=DEADLINE_S)
    assert len(listed.topics[name].partitions) == 4


def test_topics_are_created_described_grown_and_deleted(bootstrap: str, unique: Unique) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    name = unique("admin")
    new = NewTopic(name, num_partitions=2, config={"retention.ms": "60000", "cleanup.policy": "compact"})
    for future in admin.create_topics([new]).values():
        future.result(DEADLINE_S)
    with pytest.raises(KafkaException) as raised:
        admin.create_topics([new])[name].result(DEADLINE_S)
    assert raised.value.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
    admin.create_partitions([NewPartitions(name, 5)])[name].result(DEADLINE_S)
    described = admin.list_topics(name, timeout=DEADLINE_S).topics[name]
    assert sorted(described.partitions) == [0, 1, 2, 3, 4]
    assert {tuple(part.replicas) for part in described.partitions.values()} == {
        tuple(part.isrs) for part in described.partitions.values()
    }
    admin.delete_topics([name])[name].result(DEADLINE_S)
    deadline = time.monotonic() + DEADLINE_S
    while name in admin.list_topics(timeout=DEADLINE_S).topics:
        assert time.monotonic() < deadline, "the topic is still listed"
    with pytest.raises(KafkaException) as raised:
        admin.delete_topics([name])[name].result(DEADLINE_S)
    assert raised.value.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART


@pytest.mark.parametrize(
    ("name", "config", "code"),
    [
        ("bad/name", {}, KafkaError.TOPIC_EXCEPTION),
        ("fine", {"retention.ms": "soon"}, KafkaError.INVALID_CONFIG),
        ("fine", {"no.such.config": "1"}, KafkaError.INVALID_CONFIG),
    ],
)
def test_a_topic_that_cannot_be_is_refused(
    bootstrap: str, name: str, config: dict[str, str], code: int
) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    with pytest.raises(KafkaException) as raised:
        admin.create_topics([NewTopic(name, num_partitions=1, config=config)])[name].result(DEADLINE_S)
    assert raised.value.args[0].code() == code


def test_configs_are_described_with_defaults_and_altered(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)

    def described() -> dict[str, ConfigEntry]:
        return admin.describe_configs([resource])[resource].result(DEADLINE_S)

    before = described()
    assert before["retention.ms"].value == "604800000"
    assert before["retention.ms"].is_default
    assert before["cleanup.policy"].value == "delete"
    change = ConfigResource(
        ConfigResource.Type.TOPIC,
        topic,
        incremental_configs=[
            ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET),
            ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND),
        ],
    )
    admin.incremental_alter_configs([change])[change].result(DEADLINE_S)
    after = described()
    assert (after["retention.ms"].value, after["retention.ms"].is_default) == ("1000", False)
    assert after["cleanup.policy"].value == "delete,compact"


def test_offsets_are_listed_and_records_deleted(bootstrap: str, topic: str, unique: Unique) -> None:
    produce(bootstrap, topic, [b"%d" % number for number in range(10)])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    part = TopicPartition(topic, 0)

    def offset(spec: OffsetSpec) -> int:
        offset: int = admin.list_offsets({part: spec})[part].result(DEADLINE_S).offset
        return offset

    assert (offset(OffsetSpec.earliest()), offset(OffsetSpec.latest())) == (0, 10)
    for future in admin.delete_records([TopicPartition(topic, 0, 4)]).values():
        future.result(DEADLINE_S)
    assert (offset(OffsetSpec.earliest()), offset(OffsetSpec.latest())) == (4, 10)
    assert read_all(bootstrap, topic, 1, unique)[0].value() == b"4"


def test_groups_are_listed_described_altered_and_deleted(bootstrap: str, topic: str, unique: Unique) -> None:
    produce(bootstrap, topic, [b"%d" % number for number in range(10)])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    group = unique("described")
    with consumer_of(bootstrap, group, **{"client.id": "reader"}) as consumer:
        consumer.subscribe([topic])
        consumer.commit(message=take(consumer, 5)[-1], asynchronous=False)
        described = admin.describe_consumer_groups([group])[group].result(DEADLINE_S)
        assert described.state.name == "STABLE"
        (member,) = described.members
        assert member.client_id == "reader"
        assert [part.topic for part in member.assignment.topic_partitions] == [topic]
    listed = admin.list_consumer_groups().result(DEADLINE_S).valid
    assert group in {one.group_id for one in listed}
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 2)])
    for future in admin.alter_consumer_group_offsets([wanted]).values():
        future.result(DEADLINE_S)
    question = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
    (answer,) = admin.list_consumer_group_offsets([question])[group].result(DEADLINE_S).topic_partitions
    assert answer.offset == 2
    admin.delete_consumer_groups([group])[group].result(DEADLINE_S)
    with pytest.raises(KafkaException) as raised:
        admin.delete_consumer_groups([group])[group].result(DEADLINE_S)
    assert raised.value.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND


def test_the_cluster_describes_itself(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    described = admin.describe_cluster().result(DEADLINE_S)
    (node,) = described.nodes
    assert f"{node.host}:{node.port}" == bootstrap
    assert described.controller.id == node.id
    assert described.cluster_id
