"""Brokers, records and groups for the tests of backups: real clients on both sides."""

from __future__ import annotations

from pathlib import Path

import confluent_kafka

import neuraxis
from neuraxis.client.settings import Settings
from neuraxis.operate.backup.depots import Depot
from neuraxis.operate.backup.manifest import Manifest
from neuraxis.operate.backup.taking import Taking


def take(broker: neuraxis.Broker, depot: Depot) -> Manifest:
    return Taking(Settings.load(None, bootstrap=broker.bootstrap), depot).run()


def produce(
    broker: neuraxis.Broker, topic: str, values: range, partitions: int = 1, width: int = 0, **extra: object
) -> None:
    """Numbers, set to the left in so many characters."""
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, **extra})
    for value in values:
        producer.produce(
            topic, str(value).ljust(width).encode(), key=b"%d" % value, partition=value % partitions
        )
        if value % 100 == 0:
            producer.poll(0)
    assert producer.flush(20) == 0


def consumer(broker: neuraxis.Broker, group: str, **extra: object) -> confluent_kafka.Consumer:
    return confluent_kafka.Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6_000,
            **extra,
        }
    )


def read(broker: neuraxis.Broker, group: str, topic: str, count: int) -> list[int]:
    """So many values, then a commit of exactly that."""
    one = consumer(broker, group)
    one.subscribe([topic])
    values: list[int] = []
    while len(values) < count:
        message = one.poll(20)
        assert message is not None, f"{len(values)} of {count} came"
        assert message.error() is None, message.error()
        values.append(int(message.value()))
    one.commit(asynchronous=False)
    one.close()
    return values


def files(root: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }
