"""kafka-python: an independent client in pure Python, as plain functions of a bootstrap string."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any  # kafka-python is untyped: what it returns is checked by the assertions here

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource
from kafka.errors import GroupIdNotFoundError, MessageSizeTooLargeError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

Unique = Callable[[str], str]
DEADLINE_S = 30.0  # for anything a healthy broker does in well under a second


def produce(bootstrap: str, topic: str, values: list[bytes], **settings: Any) -> list[int]:
    """Produce the values to partition 0 and return their offsets."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, **settings)
    try:
        futures = [producer.send(topic, value, partition=0) for value in values]
        return [future.get(timeout=DEADLINE_S).offset for future in futures]
    finally:
        producer.close()


@contextmanager
def consumer_of(bootstrap: str, group: str | None = None, **settings: Any) -> Iterator[Any]:
    """A consumer that is closed at the end, whatever happens."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **settings,
    )
    try:
        yield consumer
    finally:
        consumer.close()


@contextmanager
def admin_of(bootstrap: str) -> Iterator[Any]:
    """An admin client that is closed at the end."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        yield admin
    finally:
        admin.close()


def take(consumer: Any, count: int) -> list[Any]:
    """Poll until `count` records are there or the deadline passes."""
    records: list[Any] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(records) < count:
        assert time.monotonic() < deadline, f"{len(records)} of {count} records after {DEADLINE_S} s"
        for batch in consumer.poll(timeout_ms=500, max_records=count - len(records)).values():
            records += batch
    return records


def read_all(bootstrap: str, topic: str, count: int) -> list[Any]:
    """Read `count` records of partition 0 from its beginning."""
    with consumer_of(bootstrap) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        return take(consumer, count)


def test_what_is_produced_is_consumed_in_order(bootstrap: str, topic: str) -> None:
    values = [b"value-%d" % number for number in range(1000)]
    assert produce(bootstrap, topic, values) == list(range(1000))
    read = read_all(bootstrap, topic, 1000)
    assert [record.value for record in read] == values
    assert [record.offset for record in read] == list(range(1000))


def test_keys_headers_timestamps_and_null_values_come_back_unchanged(bootstrap: str, topic: str) -> None:
    headers = [("trace", b"\x00\xff"), ("empty", b"")]
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    try:
        sent = producer.send(topic, key=b"gone", value=None, headers=headers, timestamp_ms=1_700_000_000_000)
        sent.get(timeout=DEADLINE_S)
    finally:
        producer.close()
    (record,) = read_all(bootstrap, topic, 1)
    assert (record.key, record.value, list(record.headers)) == (b"gone", None, headers)
    assert (record.timestamp, record.timestamp_type) == (1_700_000_000_000, 0)


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_every_compression_round_trips(bootstrap: str, topic: str, codec: str | None) -> None:
    values = [b"the same words again and again %d" % number for number in range(300)]
    produce(bootstrap, topic, values, compression_type=codec)
    assert [record.value for record in read_all(bootstrap, topic, 300)] == values


@pytest.mark.parametrize("idempotent", [True, False])
def test_small_batches_keep_their_order(bootstrap: str, topic: str, idempotent: bool) -> None:
    values = [b"%d" % number for number in range(1000)]
    settings = {"enable_idempotence": idempotent, "batch_size": 256, "acks": "all"}
    assert produce(bootstrap, topic, values, **settings) == list(range(1000))
    assert [record.value for record in read_all(bootstrap, topic, 1000)] == values


def test_a_record_that_the_broker_finds_too_large_is_refused(bootstrap: str, topic: str) -> None:
    with pytest.raises(MessageSizeTooLargeError):
        produce(bootstrap, topic, [os.urandom(2_000_000)], max_request_size=4_000_000)


def test_timestamps_find_offsets_and_seek_follows(bootstrap: str, topic: str) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    try:
        for number in range(10):
            stamp = 1_700_000_000_000 + number * 1000
            producer.send(topic, b"%d" % number, partition=0, timestamp_ms=stamp).get(timeout=DEADLINE_S)
    finally:
        producer.close()
    part = TopicPartition(topic, 0)
    with consumer_of(bootstrap) as consumer:
        consumer.assign([part])
        found = consumer.offsets_for_times({part: 1_700_000_006_500})[part]
        assert (found.offset, found.timestamp) == (7, 1_700_000_007_000)
        assert consumer.offsets_for_times({part: 1_800_000_000_000})[part] is None
        assert consumer.beginning_offsets([part]) == {part: 0}
        assert consumer.end_offsets([part]) == {part: 10}
        consumer.seek(part, found.offset)
        assert [record.value for record in take(consumer, 3)] == [b"7", b"8", b"9"]


def test_committed_offsets_survive_the_consumer(bootstrap: str, topic: str, unique: Unique) -> None:
    produce(bootstrap, topic, [b"%d" % number for number in range(10)])
    group, part = unique("resume"), TopicPartition(topic, 0)
    with consumer_of(bootstrap, group) as consumer:
        consumer.subscribe([topic])
        take(consumer, 4)
        consumer.commit({part: OffsetAndMetadata(4, "up to three", -1)})
    with consumer_of(bootstrap, group) as consumer:
        consumer.subscribe([topic])
        assert [record.value for record in take(consumer, 6)] == [b"%d" % n for n in range(4, 10)]
        assert consumer.committed(part, metadata=True).metadata == "up to three"


def test_two_members_share_the_partitions(bootstrap: str, wide_topic: str, unique: Unique) -> None:
    group, settings = unique("shared"), {"heartbeat_interval_ms": 200}
    with (
        consumer_of(bootstrap, group, **settings) as first,
        consumer_of(bootstrap, group, **settings) as second,
    ):
        first.subscribe([wide_topic])
        second.subscribe([wide_topic])
        deadline = time.monotonic() + DEADLINE_S
        while True:
            assert time.monotonic() < deadline, "the group never settled"
            first.poll(timeout_ms=50)
            second.poll(timeout_ms=50)
            shares = [sorted(part.partition for part in member.assignment()) for member in (first, second)]
            if sorted(shares[0] + shares[1]) == [0, 1, 2, 3] and len(shares[0]) == len(shares[1]):
                break


def test_when_a_member_leaves_the_other_takes_over(bootstrap: str, wide_topic: str, unique: Unique) -> None:
    group, settings = unique("leave"), {"heartbeat_interval_ms": 200}
    with consumer_of(bootstrap, group, **settings) as stays:
        stays.subscribe([wide_topic])
        deadline = time.monotonic() + DEADLINE_S
        with consumer_of(bootstrap, group, **settings) as leaves:
            leaves.subscribe([wide_topic])
            while not len(stays.assignment()) == len(leaves.assignment()) == 2:
                assert time.monotonic() < deadline, "the group never settled"
                stays.poll(timeout_ms=50)
                leaves.poll(timeout_ms=50)
        while len(stays.assignment()) != 4:
            assert time.monotonic() < deadline, "nobody took over"
            stays.poll(timeout_ms=50)


def test_topics_configs_and_groups_are_administered(bootstrap: str, topic: str, unique: Unique) -> None:
    group, name = unique("administered"), unique("made")
    with admin_of(bootstrap) as admin:
        admin.create_topics({name: {"num_partitions": 3, "configs": {"retention.ms": "1000"}}})
        with pytest.raises(TopicAlreadyExistsError):
            admin.create_topics({name: {"num_partitions": 3}})
        (described,) = admin.describe_topics([name])
        assert (described["name"], len(described["partitions"])) == (name, 3)
        admin.delete_topics([name])
        produce(bootstrap, topic, [b"one"])
        with consumer_of(bootstrap, group) as consumer:
            consumer.subscribe([topic])
            take(consumer, 1)
            consumer.commit()
        offsets = admin.list_group_offsets(group)
        assert offsets[group][TopicPartition(topic, 0)].offset == 1
        admin.delete_groups([group])
        assert admin.delete_groups([group]) == {group: GroupIdNotFoundError.__name__}


def test_configs_are_described_with_defaults_and_altered(bootstrap: str, topic: str) -> None:
    def described(admin: Any) -> tuple[str, str]:
        found = admin.describe_configs([ConfigResource("TOPIC", topic)], config_filter="all")["topic"][topic]
        return found["cleanup.policy"]["value"], found["retention.ms"]["value"]

    with admin_of(bootstrap) as admin:
        assert described(admin) == ("delete", "604800000")
        admin.alter_configs([ConfigResource("TOPIC", topic, {"retention.ms": "3600000"})])
        deadline = time.monotonic() + DEADLINE_S
        while described(admin) != ("delete", "3600000"):
            assert time.monotonic() < deadline, "never altered"
