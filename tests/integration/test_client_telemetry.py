"""Clients that push metrics (KIP-714) for real, to our own broker."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import confluent_kafka
import pytest

import neuraxis
from neuraxis.broker.telemetry import Instance, points_of
from tests.broker.admin_script import ask
from tests.broker.scripts.telemetry import subscribe

PATIENCE_S = 20.0


@pytest.fixture
def broker() -> Iterator[neuraxis.Broker]:
    with neuraxis.Broker() as running:
        host, port = running.bootstrap.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            wanted = subscribe("everything", metrics="*", interval_ms="200", match="client_id=pusher")
            assert ask(connection, wanted, 1).responses[0].error_code == 0
        yield running


def pushed(broker: neuraxis.Broker) -> Instance:
    """The instance of the client that has pushed metrics."""
    assert broker._server is not None
    telemetry = broker._server.core.node.telemetry
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for instance in list(telemetry.instances.values()):
            if instance.payload:
                return instance
        time.sleep(0.02)
    raise AssertionError(f"nothing was pushed: {telemetry}")


def test_the_metrics_of_librdkafka_arrive(broker: neuraxis.Broker) -> None:
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": broker.bootstrap, "client.id": "pusher", "enable.metrics.push": True}
    )
    for number in range(100):
        producer.produce("drives", str(number))
    assert producer.flush(10) == 0
    instance = pushed(broker)
    assert instance.client_id == "pusher"
    assert instance.software.startswith("confluent-kafka-python ")
    points = {point.name: point for point in points_of(instance)}
    assert points, "the push holds no metrics"
    assert all(name.startswith("org.apache.kafka.") for name in points)
    assert "org.apache.kafka.producer.connection.creation.total" in points


def test_without_a_subscription_clients_are_not_made_to_ask() -> None:
    with neuraxis.Broker() as running:
        producer = confluent_kafka.Producer({"bootstrap.servers": running.bootstrap})
        producer.produce("drives", "x")
        assert producer.flush(10) == 0
        assert running._server is not None
        assert running._server.core.node.telemetry.instances == {}


def test_a_client_that_is_not_subscribed_pushes_nothing(broker: neuraxis.Broker) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "client.id": "other"})
    producer.produce("drives", "x")
    assert producer.flush(10) == 0
    assert broker._server is not None
    telemetry = broker._server.core.node.telemetry
    deadline = time.monotonic() + PATIENCE_S
    while not telemetry.instances and time.monotonic() < deadline:
        time.sleep(0.02)
    (instance,) = telemetry.instances.values()
    assert (instance.metrics, instance.payload) == ((), b"")
