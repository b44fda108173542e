"""The embedded broker as a stock client sees it: confluent-kafka, from the first program of the README to a restart."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

import neuraxis
from tests.broker.sockets import PATIENCE_S


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    failures: list[Any] = []
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 1})
    for value in values:
        producer.produce(
            topic, value, key=b"k", on_delivery=lambda error, _: failures.append(error) if error else None
        )
    assert producer.flush(PATIENCE_S) == 0
    assert failures == []


def consume(bootstrap: str, topic: str, count: int, group: str = "readers") -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    values: list[bytes] = []
    deadline = time.monotonic() + 2 * PATIENCE_S
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None:
            assert message.error() is None, message.error()
            values.append(message.value())
    consumer.commit(asynchronous=False)
    consumer.close()
    return values


def test_records_and_a_groups_place_survive_a_restart(tmp_path: Path) -> None:
    first = [b"%d" % number for number in range(500)]
    second = [b"%d" % number for number in range(500, 800)]
    with neuraxis.Broker(tmp_path) as broker:
        produce(broker.bootstrap, "drives", first)
        assert consume(broker.bootstrap, "drives", 500) == first
    with neuraxis.Broker(tmp_path) as broker:
        produce(broker.bootstrap, "drives", second)
        assert consume(broker.bootstrap, "drives", 300) == second
        assert consume(broker.bootstrap, "drives", 800, group="others") == first + second


def test_a_broker_in_memory_is_ready_at_once_and_stops_at_once() -> None:
    began = time.monotonic()
    with neuraxis.Broker() as broker:
        produce(broker.bootstrap, "drives", [b"a"])
        assert consume(broker.bootstrap, "drives", 1) == [b"a"]
        stopping = time.monotonic()
    ended = time.monotonic()
    assert ended - stopping < 2
    assert ended - began < 20


def test_two_brokers_in_one_process_keep_their_records_apart() -> None:
    with neuraxis.Broker() as one, neuraxis.Broker() as two:
        produce(one.bootstrap, "drives", [b"one"])
        produce(two.bootstrap, "drives", [b"two"])
        assert consume(one.bootstrap, "drives", 1) == [b"one"]
        assert consume(two.bootstrap, "drives", 1) == [b"two"]


def test_many_threads_share_one_broker() -> None:
    with neuraxis.Broker(settings={"num.partitions": 4}) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_topics([NewTopic("drives", 4, 1)])["drives"].result(PATIENCE_S)
        threads = [
            threading.Thread(
                target=produce, args=(broker.bootstrap, "drives", [b"%d-%d" % (n, m) for m in range(100)])
            )
            for n in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        values = consume(broker.bootstrap, "drives", 600)
    assert sorted(values) == sorted(b"%d-%d" % (n, m) for n in range(6) for m in range(100))
