"""A broker process that is killed with SIGKILL again and again under idempotent load, and the ledger that judges it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC = "ledger"
GROUP = "readers"
PARTITIONS = 4
READY_TIMEOUT_S = 20.0
DRAIN_TIMEOUT_S = 60.0


def free_port() -> int:
    """A port outside the ephemeral range, so that no client socket can take it between two starts."""
    for port in random.sample(range(20_000, 32_000), 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 20000 and 32000")


class BrokerProcess:
    """`neuraxis up` as a child process on a fixed port and data directory."""

    def __init__(self, data_dir: Path, durability: str) -> None:
        self.data_dir = data_dir
        self.durability = durability
        self.port = free_port()
        self.log_path = data_dir.parent / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start and wait until the port answers; the seconds that took."""
        began = time.monotonic()
        command = [
            sys.executable, "-m", "neuraxis", "up", "--data-dir", str(self.data_dir), "--quiet", "--no-console",
            "--listener", f"PLAINTEXT://127.0.0.1:{self.port}", "--durability", self.durability,
        ]  # fmt: skip
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        while time.monotonic() - began < READY_TIMEOUT_S:
            if self._process.poll() is not None:
                raise RuntimeError(f"the broker ended with {self._process.returncode}:\n{self.log_tail()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return time.monotonic() - began
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"the broker did not listen within {READY_TIMEOUT_S} s:\n{self.log_tail()}")

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(30)

    def log_tail(self) -> str:
        return self.log_path.read_text(errors="replace")[-4000:] if self.log_path.exists() else ""


@dataclass
class Ledger:
    """What was promised: the acknowledged offset of every value, and the newest acknowledged commit."""

    acked: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    failed: list[str] = field(default_factory=list)
    sent: int = 0
    committed: dict[int, int] = field(default_factory=dict)
    seen: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed.append(str(error))
            return
        partition, value = message.partition(), message.value()
        offset = message.offset()
        assert partition is not None
        assert value is not None
        assert offset is not None
        self.acked[partition][int(value)] = offset

    @property
    def acked_count(self) -> int:
        return sum(len(values) for values in self.acked.values())


class Load(threading.Thread):
    """Produces numbered values to every partition until told to stop, through all the kills."""

    def __init__(self, bootstrap: str, ledger: Ledger) -> None:
        super().__init__(name="load", daemon=True)
        self.ledger = ledger
        self.halt = threading.Event()
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 2,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 200,
                "message.timeout.ms": 120_000,
                "retries": 1_000_000,
                "log_level": 0,
            }
        )

    def run(self) -> None:
        number = 0
        while not self.halt.is_set():
            for partition in range(PARTITIONS):
                try:
                    self.producer.produce(
                        TOPIC, str(number).encode(), partition=partition, on_delivery=self.ledger.on_delivery
                    )
                except BufferError:
                    self.producer.poll(0.05)
                    continue
                self.ledger.sent += 1
            number += 1
            self.producer.poll(0)
            if number % 20 == 0:
                time.sleep(0.002)
        self.producer.flush(DRAIN_TIMEOUT_S)


class Reader(threading.Thread):
    """One member of a group: polls, notes what it saw, commits synchronously and notes what was acknowledged."""

    def __init__(self, bootstrap: str, ledger: Ledger, index: int) -> None:
        super().__init__(name=f"reader-{index}", daemon=True)
        self.ledger = ledger
        self.halt = threading.Event()
        self.problems: list[str] = []
        self.consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": GROUP,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 10_000,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 200,
                "log_level": 0,
            }
        )

    def run(self) -> None:
        self.consumer.subscribe([TOPIC])
        while not self.halt.is_set():
            messages = self.consumer.consume(500, timeout=0.2)
            ends: dict[int, int] = {}
            for message in messages:
                if message.error() is not None:
                    continue
                partition, offset, value = message.partition(), message.offset(), message.value()
                assert partition is not None
                assert offset is not None
                assert value is not None
                self.ledger.seen[partition].add(int(value))
                ends[partition] = offset + 1
            if ends:
                self._commit(ends)
        self.consumer.close()

    def _commit(self, ends: dict[int, int]) -> None:
        positions = [TopicPartition(TOPIC, partition, offset) for partition, offset in ends.items()]
        try:
            done = self.consumer.commit(offsets=positions, asynchronous=False)
        except KafkaException:
            return  # the broker is away or the group rebalances: nothing was promised
        for position in done or []:
            if position.error is None:
                known = self.ledger.committed.get(position.partition, 0)
                self.ledger.committed[position.partition] = max(known, position.offset)


def create_topic(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(20)


def read_back(bootstrap: str) -> dict[int, list[tuple[int, int]]]:
    """Every (offset, value) of each partition, from the first to the present end."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "audit", "enable.auto.commit": False})
    found: dict[int, list[tuple[int, int]]] = {}
    for partition in range(PARTITIONS):
        low, high = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=20)
        consumer.assign([TopicPartition(TOPIC, partition, low)])
        rows: list[tuple[int, int]] = []
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while (not rows or rows[-1][0] < high - 1) and high > low and time.monotonic() < deadline:
            for message in consumer.consume(2000, timeout=1.0):
                offset, value = message.offset(), message.value()
                if message.error() is None and offset is not None and value is not None:
                    rows.append((offset, int(value)))
        found[partition] = rows
    consumer.close()
    return found


def committed_offsets(bootstrap: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": GROUP, "enable.auto.commit": False})
    asked = [TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)]
    found = {each.partition: each.offset for each in consumer.committed(asked, timeout=20)}
    consumer.close()
    return found


def verdicts(ledger: Ledger, found: dict[int, list[tuple[int, int]]], committed: dict[int, int]) -> list[str]:
    """What was promised and is not so, as sentences; empty when every promise was kept."""
    wrong = [f"a send failed: {text}" for text in ledger.failed[:5]]
    for partition, rows in found.items():
        by_value: dict[int, int] = {}
        for offset, value in rows:
            if value in by_value:
                wrong.append(
                    f"partition {partition}: value {value} is there twice, at {by_value[value]} and {offset}"
                )
            by_value[value] = offset
        offsets = [offset for offset, _ in rows]
        if offsets != list(range(len(offsets))):
            wrong.append(f"partition {partition}: the offsets have a hole")
        values = [value for _, value in rows]
        if values != sorted(values):
            wrong.append(f"partition {partition}: the values are out of order")
        for value, offset in ledger.acked[partition].items():
            if by_value.get(value) != offset:
                wrong.append(
                    f"partition {partition}: value {value} was acknowledged at {offset}, found at {by_value.get(value)}"
                )
                break
        if committed.get(partition, -1) < ledger.committed.get(partition, -1):
            wrong.append(
                f"partition {partition}: commit {ledger.committed[partition]} was acknowledged, "
                f"{committed.get(partition)} is kept"
            )
    return wrong


@dataclass
class Report:
    rounds: int
    acked: int
    seen: int
    restart_s: list[float]
    wrong: list[str]


def run(directory: Path, rounds: int, durability: str, seed: int) -> Report:
    """Kill and restart `rounds` times under load; then read everything back and judge."""
    rng = random.Random(seed)
    broker = BrokerProcess(directory / "data", durability)
    ledger = Ledger()
    restarts = [broker.start()]
    create_topic(broker.bootstrap)
    load = Load(broker.bootstrap, ledger)
    readers = [Reader(broker.bootstrap, ledger, index) for index in range(2)]
    try:
        load.start()
        for reader in readers:
            reader.start()
        for _ in range(rounds):
            time.sleep(rng.uniform(0.15, 1.2))
            broker.kill()
            restarts.append(broker.start())
        time.sleep(0.5)
        load.halt.set()
        load.join(DRAIN_TIMEOUT_S + 10)
        ends = {partition: len(values) for partition, values in ledger.acked.items()}
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while time.monotonic() < deadline and any(
            len(ledger.seen[partition]) < count for partition, count in ends.items()
        ):
            time.sleep(0.05)
        for reader in readers:
            reader.halt.set()
        for reader in readers:
            reader.join(30)
        found = read_back(broker.bootstrap)
        wrong = verdicts(ledger, found, committed_offsets(broker.bootstrap))
        for partition, values in ledger.acked.items():
            missing = set(values) - ledger.seen[partition]
            if missing:
                wrong.append(
                    f"partition {partition}: the group never read {len(missing)} acknowledged values"
                )
        if load.is_alive():
            wrong.append("the producer could not finish")
        code = broker.stop()
        if code != 0:
            wrong.append(f"the last clean stop ended with {code}")
    except BaseException:
        print(broker.log_tail(), file=sys.stderr)
        broker.kill()
        raise
    seen = sum(len(values) for values in ledger.seen.values())
    return Report(rounds, ledger.acked_count, seen, restarts, wrong)
