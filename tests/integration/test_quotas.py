"""Real clients above their quotas: they are told, they wait, and nothing of what they send is lost."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import confluent_kafka
import pytest

import neuraxis
from tests.broker.admin_script import ask
from tests.broker.scripts.quotas import change, entry

VALUE_BYTES = 20_000


@pytest.fixture
def broker() -> Iterator[neuraxis.Broker]:
    with neuraxis.Broker(settings={"quota.window.num": "2"}) as running:
        yield running


def limit(broker: neuraxis.Broker, client_id: str, **values: float | None) -> None:
    host, port = broker.bootstrap.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        answer = ask(connection, change(entry({"client-id": client_id}, values)), 1)
    assert answer.entries[0].error_code == 0


def produce(broker: neuraxis.Broker, client_id: str, count: int) -> tuple[list[int], list[float]]:
    """Send so many records one by one: the offsets in the order they came back, and the throttle times that were told."""
    throttled: list[float] = []
    offsets: list[int] = []
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": broker.bootstrap,
            "client.id": client_id,
            "batch.num.messages": 1,
            "linger.ms": 0,
            "max.in.flight.requests.per.connection": 1,
            "throttle_cb": lambda event: throttled.append(event.throttle_time),
        }
    )
    for _ in range(count):
        producer.produce(
            "drives", bytes(VALUE_BYTES), callback=lambda _, record: offsets.append(record.offset())
        )
    assert producer.flush(60) == 0
    producer.poll(0)
    return offsets, throttled


def test_a_producer_above_its_quota_is_told_and_loses_nothing(broker: neuraxis.Broker) -> None:
    limit(broker, "loader", producer_byte_rate=200_000)
    offsets, throttled = produce(broker, "loader", 20)
    assert offsets == list(range(20))
    told_s = sum(throttled)
    # Twenty requests are 400,000 bytes: one window's worth may come at once, what is above it has to be waited for.
    assert told_s >= 0.5
    assert produce(broker, "somebody else", 20)[1] == []


def test_a_consumer_above_its_quota_reads_everything_in_the_end(broker: neuraxis.Broker) -> None:
    produce(broker, "loader", 20)
    limit(broker, "reader", consumer_byte_rate=200_000)
    throttled: list[float] = []
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "client.id": "reader",
            "group.id": "dashboard",
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": 50_000,
            "throttle_cb": lambda event: throttled.append(event.throttle_time),
        }
    )
    consumer.subscribe(["drives"])
    offsets = []
    while len(offsets) < 20:
        record = consumer.poll(20)
        assert record is not None, f"only {len(offsets)} came"
        assert not record.error()
        offsets.append(record.offset())
    consumer.close()
    assert offsets == list(range(20))
    assert throttled, json.dumps(offsets)


def test_a_quota_counts_for_who_is_connected_already(broker: neuraxis.Broker) -> None:
    throttled: list[float] = []
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": broker.bootstrap,
            "client.id": "loader",
            "linger.ms": 0,
            "throttle_cb": lambda event: throttled.append(event.throttle_time),
        }
    )
    producer.produce("drives", bytes(VALUE_BYTES))
    assert producer.flush(20) == 0
    producer.poll(0)
    assert throttled == []
    limit(broker, "loader", producer_byte_rate=15_000)
    producer.produce("drives", bytes(VALUE_BYTES))
    assert producer.flush(20) == 0
    while not throttled:
        assert producer.poll(10) >= 0
    assert throttled[0] > 0
