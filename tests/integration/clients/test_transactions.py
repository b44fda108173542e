"""Transactions of the clients that CI runs: commit, abort, offsets with the records, read_committed, a fenced producer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Producer, TopicPartition
from kafka import KafkaProducer
from kafka import TopicPartition as PythonPartition
from kafka.errors import KafkaError as PythonError
from kafka.structs import OffsetAndMetadata

from tests.integration.clients import test_aiokafka, test_confluent_kafka
from tests.integration.clients.test_kcat import kcat

Unique = Callable[[str], str]
DEADLINE_S = 30.0  # for anything a healthy broker does in well under a second
COMMITTED = [b"kept-0", b"kept-1", b"again-0", b"again-1"]


def committed_values(bootstrap: str, topic: str, unique: Unique, **settings: object) -> list[bytes]:
    """Read to the end of partition 0 with librdkafka."""
    with test_confluent_kafka.consumer_of(
        bootstrap, unique("reader"), **{"enable.partition.eof": True, **settings}
    ) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        values = []
        while True:
            message = consumer.poll(DEADLINE_S)
            assert message is not None, "no end of the partition"
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                return values
            values.append(message.value())


def committed_offset(bootstrap: str, group: str, topic: str) -> int:
    """Return what the group has committed for partition 0."""
    with test_confluent_kafka.consumer_of(bootstrap, group) as consumer:
        (found,) = consumer.committed([TopicPartition(topic, 0)], timeout=DEADLINE_S)
        return int(found.offset)


def check_three_transactions(bootstrap: str, topic: str, group: str, unique: Unique) -> None:
    """Check what `kept` (committed), `dropped` (aborted) and `again` (committed with offset 3) must leave behind."""
    assert committed_values(bootstrap, topic, unique) == COMMITTED
    everything = committed_values(bootstrap, topic, unique, **{"isolation.level": "read_uncommitted"})
    assert len(everything) == 6
    assert committed_offset(bootstrap, group, topic) == 3


def test_transactions_of_confluent_kafka(bootstrap: str, topic: str, unique: Unique) -> None:
    group, settings = unique("group"), {"transactional.id": unique("id"), "bootstrap.servers": bootstrap}
    producer = Producer(settings)
    producer.init_transactions(DEADLINE_S)
    for word in ("kept", "dropped", "again"):
        producer.begin_transaction()
        for number in range(2):
            producer.produce(topic, f"{word}-{number}".encode(), partition=0)
        producer.flush(DEADLINE_S)
        if word == "again":
            with test_confluent_kafka.consumer_of(bootstrap, group) as consumer:
                metadata = consumer.consumer_group_metadata()
                producer.send_offsets_to_transaction([TopicPartition(topic, 0, 3)], metadata, DEADLINE_S)
        if word == "dropped":
            producer.abort_transaction(DEADLINE_S)
        else:
            producer.commit_transaction(DEADLINE_S)
    check_three_transactions(bootstrap, topic, group, unique)
    newer = Producer(settings)
    newer.init_transactions(DEADLINE_S)
    with pytest.raises(KafkaException) as raised:  # noqa: PT012  # any of the three may be the one that is refused
        producer.begin_transaction()
        producer.produce(topic, b"zombie", partition=0)
        producer.commit_transaction(DEADLINE_S)
    assert raised.value.args[0].code() == KafkaError._FENCED


def test_transactions_of_kafka_python(bootstrap: str, topic: str, unique: Unique) -> None:
    group, settings = unique("group"), {"transactional_id": unique("id"), "bootstrap_servers": bootstrap}
    producer = KafkaProducer(**settings)
    newer = KafkaProducer(**settings)
    try:
        producer.init_transactions()
        for word in ("kept", "dropped", "again"):
            producer.begin_transaction()
            for number in range(2):
                producer.send(topic, f"{word}-{number}".encode(), partition=0).get(DEADLINE_S)
            if word == "again":
                offsets = {PythonPartition(topic, 0): OffsetAndMetadata(3, "", -1)}
                producer.send_offsets_to_transaction(offsets, group)
            if word == "dropped":
                producer.abort_transaction()
            else:
                producer.commit_transaction()
        check_three_transactions(bootstrap, topic, group, unique)
        newer.init_transactions()
        with pytest.raises(PythonError):  # noqa: PT012  # any of the three may be the one that is refused
            producer.begin_transaction()
            producer.send(topic, b"zombie", partition=0).get(DEADLINE_S)
            producer.commit_transaction()
    finally:
        newer.close()
        producer.close()


def test_transactions_of_aiokafka(bootstrap: str, topic: str, unique: Unique) -> None:
    group, settings = unique("group"), {"transactional_id": unique("id"), "bootstrap_servers": bootstrap}

    async def body() -> None:
        async with test_aiokafka.running(test_aiokafka.AIOKafkaProducer(**settings)) as producer:
            for word in ("kept", "dropped", "again"):
                await producer.begin_transaction()
                for number in range(2):
                    await producer.send_and_wait(topic, f"{word}-{number}".encode(), partition=0)
                if word == "again":
                    offsets = {test_aiokafka.TopicPartition(topic, 0): 3}
                    await producer.send_offsets_to_transaction(offsets, group)
                if word == "dropped":
                    await producer.abort_transaction()
                else:
                    await producer.commit_transaction()

    asyncio.run(body())
    check_three_transactions(bootstrap, topic, group, unique)


def test_a_transaction_of_kcat(bootstrap: str, topic: str, unique: Unique) -> None:
    settings = ("-X", f"transactional.id={unique('id')}")
    kcat(bootstrap, "-P", "-t", topic, "-p", "0", *settings, stdin="one\ntwo\n")
    assert kcat(bootstrap, "-C", "-q", "-e", "-o", "beginning", "-t", topic).splitlines() == ["one", "two"]
    assert committed_values(bootstrap, topic, unique) == [b"one", b"two"]
