"""A broker process whose surroundings fail, real clients, and the ledger that says whether anything acknowledged is missing.

The rule of the file: what was acknowledged is judged by reading all of it back through a client, after the fault.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from compat.brokers import Neuraxis
from tests.faults.private_disk import PrivateDisk

PATIENCE_S = 30


class FaultyBroker(Neuraxis):
    """`neuraxis up` with the policy `sync`, on a private disk or behind words (prlimit) that make its life hard."""

    def __init__(
        self, directory: Path, disk: PrivateDisk | None = None, *before: str, durability: str = "sync"
    ) -> None:
        super().__init__(data_dir=directory, durability=durability)
        self.disk = disk
        self.before = before
        self.data = self.directory / "data"

    def command(self) -> Sequence[str]:
        """The same, in the disk's namespace."""
        words = [*self.before, *super().command(), "--data-dir", str(self.data)]
        return self.disk.command(*words) if self.disk is not None else words

    def ended(self) -> int:
        """Wait for the end that the fault brings; the exit code."""
        assert self._process is not None
        try:
            code = self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the broker should have stopped:\n{self.log_tail()}") from None
        self._process = None
        return code

    def refusal(self) -> str:
        """Start what must refuse to start; what it says. Every refusal has the exit code 1 and no traceback."""
        before = len(self.log_tail(10_000)) if self.log_path.exists() else 0
        self.start(wait=False)
        assert self.ended() == 1
        said = self.log_tail(10_000)[before:]
        assert "Traceback" not in said, said
        return said

    @property
    def said(self) -> str:
        """All that it has said."""
        return self.log_path.read_text(errors="replace")

    @property
    def cpu_s(self) -> float:
        """The CPU time that it has used, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


class Ledger:
    """What the broker acknowledged of a topic, and the clients that write and read it."""

    def __init__(self, broker: Neuraxis, topic: str = "drives", partitions: int = 1, **configs: str) -> None:
        self.broker = broker
        self.topic = topic
        self.partitions = partitions
        self.acknowledged: dict[tuple[int, int], bytes] = {}
        self.failed: list[KafkaError] = []
        self._number = 0
        named = {name.replace("_", "."): value for name, value in configs.items()}
        self.admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        future = self.admin.create_topics([NewTopic(topic, partitions, 1, config=named)])[topic]
        future.result(PATIENCE_S)

    def delete_topic(self) -> None:
        """Delete the topic."""
        self.admin.delete_topics([self.topic])[self.topic].result(PATIENCE_S)

    def producer(self, patience_ms: int = 20_000) -> Producer:
        """A producer that gives a record up after `patience_ms`. Not idempotent: for its id it would wait half a second."""
        return Producer(
            {
                "bootstrap.servers": self.broker.bootstrap,
                "acks": "all",
                "message.timeout.ms": patience_ms,
                "linger.ms": 0,
                "retry.backoff.ms": 50,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 100,
                "message.max.bytes": 20_000_000,
                "log_level": 0,
            }
        )

    def produce(self, producer: Producer, count: int = 1, size: int = 100) -> None:
        """Hand records to a producer, round the partitions, each unlike any other."""
        for _ in range(count):
            self._number += 1
            value = f"{self._number}:".encode().ljust(size, b"x")
            producer.produce(
                self.topic,
                value,
                partition=self._number % self.partitions,
                on_delivery=self._delivered,
            )
            producer.poll(0)

    def send(self, count: int = 1, size: int = 100) -> None:
        """Produce records that are all acknowledged."""
        producer = self.producer()
        before, failures = len(self.acknowledged), len(self.failed)
        self.produce(producer, count, size)
        producer.flush(PATIENCE_S)
        assert self.failed[failures:] == []
        assert len(self.acknowledged) == before + count

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed.append(error)
            return
        partition, offset, value = message.partition(), message.offset(), message.value()
        assert partition is not None
        assert offset is not None
        assert value is not None
        self.acknowledged[partition, offset] = value

    def read(self) -> dict[tuple[int, int], bytes]:
        """Every record of the topic, through a consumer."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.broker.bootstrap,
                "group.id": "ledger",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,
                "log_level": 0,
            }
        )
        found: dict[tuple[int, int], bytes] = {}
        try:
            consumer.assign([TopicPartition(self.topic, number, 0) for number in range(self.partitions)])
            at_end: set[int] = set()
            deadline = time.monotonic() + PATIENCE_S
            while len(at_end) < self.partitions:
                assert time.monotonic() < deadline, f"{len(found)} records read, the end was not reached"
                message = consumer.poll(1.0)
                if message is None:
                    continue
                error, partition, offset, value = (
                    message.error(), message.partition(), message.offset(), message.value()
                )  # fmt: skip
                assert partition is not None
                if error is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    at_end.add(partition)
                    continue
                assert offset is not None
                assert value is not None
                found[partition, offset] = value
        finally:
            consumer.close()
        return found

    def check(self) -> None:
        """Everything that was acknowledged is there, where and as it was acknowledged."""
        assert self.acknowledged
        found = self.read()
        missing = {place for place, value in self.acknowledged.items() if found.get(place) != value}
        assert not missing, (
            f"{len(missing)} of {len(self.acknowledged)} acknowledged records are gone: {sorted(missing)[:5]}"
        )
