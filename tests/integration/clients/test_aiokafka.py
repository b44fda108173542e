"""aiokafka: an asyncio client that speaks older versions of the protocol, as plain functions of a bootstrap string."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any  # aiokafka is untyped: what it returns is checked by the assertions here

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError, TopicAlreadyExistsError

Unique = Callable[[str], str]
DEADLINE_S = 30.0  # for anything a healthy broker does in well under a second


@asynccontextmanager
async def running(client: Any) -> AsyncIterator[Any]:
    """Start a client and stop it at the end, whatever happens."""
    await client.start()
    try:
        yield client
    finally:
        await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


async def produce(bootstrap: str, topic: str, values: list[bytes], **settings: Any) -> list[int]:
    """Produce the values to partition 0 and return their offsets."""
    async with running(AIOKafkaProducer(bootstrap_servers=bootstrap, **settings)) as producer:
        futures = [await producer.send(topic, value, partition=0) for value in values]
        return [(await future).offset for future in futures]


def consumer_of(bootstrap: str, *topics: str, group: str | None = None, **settings: Any) -> Any:
    """A consumer from the beginning that commits only when told to."""
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **settings,
    )


async def take(consumer: Any, count: int) -> list[Any]:
    """Read `count` records or fail after the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        return [await consumer.getone() for _ in range(count)]


async def read_all(bootstrap: str, topic: str, count: int) -> list[Any]:
    """Read `count` records of partition 0 from its beginning."""
    async with running(consumer_of(bootstrap)) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        return await take(consumer, count)


def test_what_is_produced_is_consumed_in_order(bootstrap: str, topic: str) -> None:
    async def body() -> None:
        values = [b"value-%d" % number for number in range(1000)]
        assert await produce(bootstrap, topic, values, linger_ms=5) == list(range(1000))
        read = await read_all(bootstrap, topic, 1000)
        assert [record.value for record in read] == values
        assert [record.offset for record in read] == list(range(1000))

    asyncio.run(body())


def test_keys_headers_timestamps_and_null_values_come_back_unchanged(bootstrap: str, topic: str) -> None:
    async def body() -> None:
        headers = [("trace", b"\x00\xff"), ("empty", b"")]
        async with running(AIOKafkaProducer(bootstrap_servers=bootstrap)) as producer:
            await producer.send_and_wait(
                topic, key=b"gone", value=None, headers=headers, timestamp_ms=1_700_000_000_000
            )
        (record,) = await read_all(bootstrap, topic, 1)
        assert (record.key, record.value, list(record.headers)) == (b"gone", None, headers)
        assert (record.timestamp, record.timestamp_type) == (1_700_000_000_000, 0)

    asyncio.run(body())


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_every_compression_round_trips(bootstrap: str, topic: str, codec: str | None) -> None:
    async def body() -> None:
        values = [b"the same words again and again %d" % number for number in range(300)]
        await produce(bootstrap, topic, values, compression_type=codec, linger_ms=5)
        assert [record.value for record in await read_all(bootstrap, topic, 300)] == values

    asyncio.run(body())


def test_an_idempotent_producer_delivers_each_record_once(bootstrap: str, topic: str) -> None:
    async def body() -> None:
        values = [b"%d" % number for number in range(500)]
        offsets = await produce(bootstrap, topic, values, enable_idempotence=True, max_batch_size=256)
        assert offsets == list(range(500))
        assert [record.value for record in await read_all(bootstrap, topic, 500)] == values

    asyncio.run(body())


def test_a_record_that_the_broker_finds_too_large_is_refused(bootstrap: str, topic: str) -> None:
    async def body() -> None:
        async with running(
            AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=4_000_000)
        ) as producer:
            with pytest.raises(MessageSizeTooLargeError):
                await producer.send_and_wait(topic, b"x" * 2_000_000)

    asyncio.run(body())


def test_timestamps_find_offsets_and_seek_follows(bootstrap: str, topic: str) -> None:
    async def body() -> None:
        async with running(AIOKafkaProducer(bootstrap_servers=bootstrap)) as producer:
            for number in range(10):
                stamp = 1_700_000_000_000 + number * 1000
                await producer.send_and_wait(topic, b"%d" % number, partition=0, timestamp_ms=stamp)
        part = TopicPartition(topic, 0)
        async with running(consumer_of(bootstrap)) as consumer:
            consumer.assign([part])
            found = (await consumer.offsets_for_times({part: 1_700_000_006_500}))[part]
            assert (found.offset, found.timestamp) == (7, 1_700_000_007_000)
            assert await consumer.beginning_offsets([part]) == {part: 0}
            assert await consumer.end_offsets([part]) == {part: 10}
            consumer.seek(part, found.offset)
            assert [record.value for record in await take(consumer, 3)] == [b"7", b"8", b"9"]

    asyncio.run(body())


def test_committed_offsets_survive_the_consumer(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("resume")

    async def body() -> None:
        await produce(bootstrap, topic, [b"%d" % number for number in range(10)])
        async with running(consumer_of(bootstrap, topic, group=group)) as consumer:
            await take(consumer, 4)
            await consumer.commit({TopicPartition(topic, 0): (4, "up to three")})
        async with running(consumer_of(bootstrap, topic, group=group)) as consumer:
            assert await consumer.committed(TopicPartition(topic, 0)) == 4
            assert [record.value for record in await take(consumer, 6)] == [b"%d" % n for n in range(4, 10)]

    asyncio.run(body())


def test_two_members_share_the_partitions(bootstrap: str, wide_topic: str, unique: Unique) -> None:
    group = unique("shared")

    async def body() -> None:
        settings = {"group": group, "heartbeat_interval_ms": 200}
        async with (
            running(consumer_of(bootstrap, wide_topic, **settings)) as first,
            running(consumer_of(bootstrap, wide_topic, **settings)) as second,
            asyncio.timeout(DEADLINE_S),
        ):
            while True:
                shares = [
                    sorted(part.partition for part in member.assignment()) for member in (first, second)
                ]
                if sorted(shares[0] + shares[1]) == [0, 1, 2, 3] and len(shares[0]) == len(shares[1]):
                    break
                await asyncio.gather(*(member.getmany(timeout_ms=50) for member in (first, second)))

    asyncio.run(body())


def test_when_a_member_leaves_the_other_takes_over(bootstrap: str, wide_topic: str, unique: Unique) -> None:
    async def body() -> None:
        settings = {"group": unique("leave"), "heartbeat_interval_ms": 200}
        async with (
            asyncio.timeout(DEADLINE_S),
            running(consumer_of(bootstrap, wide_topic, **settings)) as stays,
        ):
            async with running(consumer_of(bootstrap, wide_topic, **settings)) as leaves:
                while not len(stays.assignment()) == len(leaves.assignment()) == 2:
                    await asyncio.gather(*(member.getmany(timeout_ms=50) for member in (stays, leaves)))
            while len(stays.assignment()) != 4:
                await stays.getmany(timeout_ms=50)

    asyncio.run(body())


def test_topics_and_groups_are_administered(bootstrap: str, topic: str, unique: Unique) -> None:
    group, name = unique("administered"), unique("made")

    async def body() -> None:
        await produce(bootstrap, topic, [b"one"])
        async with running(AIOKafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
            await admin.create_topics([NewTopic(name, num_partitions=3, replication_factor=1)])
            answer = await admin.create_topics([NewTopic(name, num_partitions=3, replication_factor=1)])
            assert answer.topic_errors[0][1] == TopicAlreadyExistsError.errno
            (described,) = await admin.describe_topics([name])
            assert len(described["partitions"]) == 3
            await admin.delete_topics([name])
            async with running(consumer_of(bootstrap, topic, group=group)) as consumer:
                await take(consumer, 1)
                await consumer.commit()
                assert group in {listed[0] for listed in await admin.list_consumer_groups()}
            offsets = await admin.list_consumer_group_offsets(group)
            assert offsets[TopicPartition(topic, 0)].offset == 1

    asyncio.run(body())


def test_configs_are_described_with_defaults_and_altered(bootstrap: str, topic: str) -> None:
    async def described(admin: Any) -> tuple[str, str]:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        found = {entry[0]: entry[1] for entry in answer.resources[0][4]}
        return found["cleanup.policy"], found["retention.ms"]

    async def body() -> None:
        async with (
            running(AIOKafkaAdminClient(bootstrap_servers=bootstrap)) as admin,
            asyncio.timeout(DEADLINE_S),
        ):
            assert await described(admin) == ("delete", "604800000")
            new = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "3600000"})
            await admin.alter_configs([new])
            while await described(admin) != ("delete", "3600000"):
                pass

    asyncio.run(body())
