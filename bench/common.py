"""The field of brokers, the interleaved rounds, the load generator, samples and budgets: what every question shares.

The rule of the file: only one broker runs at a time. All others are stopped by SIGSTOP while one has its turn, and the
order of turns rotates from round to round, so that a drift of the machine touches all alike.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from compat.brokers import REPOSITORY, BrokerProcess, Neuraxis
from compat.kafka import ApacheKafka

CACHE = REPOSITORY / ".cache" / "bench"
RESULTS = REPOSITORY / "bench" / "results"
KAFKA = "kafka"  # Apache Kafka as it comes: acknowledges from the page cache
KAFKA_SYNCED = "kafka flush.messages=1"
CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")

# Files of deleted topics go at once, so that their dirty pages do not burden the next turn; a paused node must not
# lose its registration; both without influence on what is measured.
KAFKA_SETTINGS = {"log.segment.delete.delay.ms": "1000", "broker.session.timeout.ms": "600000"}


def neuraxis(policy: str) -> str:
    """Return the name of the contender that runs Neuraxis under a durability policy."""
    return f"neuraxis {policy}"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure: `make bench` or `make bench ARGS=--quick`."""

    rounds: int
    produce_records: int  # of 1,000 bytes
    latency_samples: int
    frames_ms: int
    tool_records: int
    tool_latency_samples: int


FULL = Plan(
    rounds=7,
    produce_records=500_000,
    latency_samples=2_000,
    frames_ms=1_500,
    tool_records=400_000,
    tool_latency_samples=2_000,
)
QUICK = Plan(
    rounds=2,
    produce_records=300_000,
    latency_samples=1_000,
    frames_ms=700,
    tool_records=200_000,
    tool_latency_samples=1_000,
)


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of every table: a broker and the topic configs that make the difference."""

    name: str
    broker: BrokerProcess
    topic_configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """What must hold: the metric of a contender, as a ratio to another contender's or as a plain limit."""

    question: str
    metric: str
    contender: str
    at_least: bool
    limit: float
    against: str | None = KAFKA
    of: str | None = None  # another metric of the contender that is compared against; none: the same one


class Samples:
    """Every measured value: metric -> contender -> one value per round; and the unit of each metric."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.failures: list[str] = []

    def add(self, metric: str, contender: str, value: float) -> None:
        """Keep one value; the metric's name ends with its unit."""
        self.values[metric][contender].append(value)

    def median(self, metric: str, contender: str) -> float | None:
        """Return the median of all rounds, or None when nothing was measured."""
        values = self.values.get(metric, {}).get(contender)
        return statistics.median(values) if values else None

    def ratio(self, metric: str, contender: str, against: str, of: str | None = None) -> float | None:
        """Return the median of the ratios of each round, which drift of the machine does not touch.

        `of`: the metric of the other one, where it is not the same.
        """
        ours = self.values.get(metric, {}).get(contender, [])
        theirs = self.values.get(of or metric, {}).get(against, [])
        ratios = [one / other for one, other in zip(ours, theirs, strict=False) if other]
        return statistics.median(ratios) if ratios else None


def load_binary() -> Path:
    """Compile the load generator when its source is newer; return the binary."""
    source, binary = Path(__file__).parent / "load.c", CACHE / "load"
    if binary.exists() and binary.stat().st_mtime >= source.stat().st_mtime:
        return binary
    CACHE.mkdir(parents=True, exist_ok=True)
    if shutil.which("gcc") is None or not Path("/usr/include/librdkafka/rdkafka.h").exists():
        subprocess.run(
            [str(REPOSITORY / "tools" / "system.sh"), "gcc", "libc6-dev", "librdkafka-dev"], check=True
        )
    subprocess.run(["gcc", "-O2", "-o", str(binary), str(source), "-lrdkafka", "-lpthread"], check=True)
    return binary


def load(verb: str, *arguments: object, timeout_s: float = 180) -> dict[str, float]:
    """Run one verb of the load generator and return its line of JSON."""
    command = [str(load_binary()), verb, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"load {verb} failed: {done.stderr.strip()[-500:]}")
    numbers: dict[str, float] = json.loads(done.stdout)
    return numbers


def cpu_s(pid: int) -> float:
    """Return the CPU time a process has used so far, user and system, seconds (10 ms steps)."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(after_name[11]) + int(after_name[12])) / CLOCK_TICKS_PER_S  # utime, stime: fields 14 and 15


def memory_mb(pid: int, entry: str = "VmRSS") -> float:
    """Return a memory entry of a process (VmRSS now, VmHWM its peak) in MB of 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(entry + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"no {entry} for pid {pid}")


class Field:
    """All contenders of a run, started once, paused but for the one whose turn it is."""

    def __init__(self, policies: Sequence[str], *, with_kafka: bool = True) -> None:
        self.contenders: list[Contender] = []
        self._topics = itertools.count(1)
        self._brokers: list[BrokerProcess] = []
        if with_kafka:
            kafka = ApacheKafka(KAFKA_SETTINGS)
            self._brokers.append(kafka)
            self.contenders += [
                Contender(KAFKA, kafka),
                Contender(KAFKA_SYNCED, kafka, {"flush.messages": "1"}),
            ]
        for policy in policies:
            broker = Neuraxis(durability=policy)
            self._brokers.append(broker)
            self.contenders.append(Contender(neuraxis(policy), broker))

    def __enter__(self) -> Field:
        try:
            for broker in self._brokers:
                broker.start()
                time.sleep(1)  # let its own start-up work end before it is paused
                broker.pause()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for broker in self._brokers:
            broker.stop()

    def turns(self, number: int) -> list[Contender]:
        """Return the contenders in the order of this round: each round begins with another."""
        shift = number % len(self.contenders)
        return self.contenders[shift:] + self.contenders[:shift]

    @contextlib.contextmanager
    def turn(self, contender: Contender) -> Iterator[BrokerProcess]:
        """Let one broker run; it gets a moment for what fell due while it was paused."""
        contender.broker.resume()
        time.sleep(0.3)
        try:
            yield contender.broker
        finally:
            contender.broker.pause()

    @contextlib.contextmanager
    def topic(self, contender: Contender, partitions: int = 1) -> Iterator[str]:
        """Make a topic for the running contender and delete it at the end."""
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        name = f"bench-{next(self._topics)}"
        admin = AdminClient({"bootstrap.servers": contender.broker.bootstrap, "log_level": 3})
        new = NewTopic(
            name, num_partitions=partitions, replication_factor=1, config=dict(contender.topic_configs)
        )
        admin.create_topics([new])[name].result(30)
        try:
            yield name
        finally:
            admin.delete_topics([name])[name].result(30)


@contextlib.contextmanager
def cpu_of(broker: BrokerProcess) -> Iterator[list[float]]:
    """Append to the yielded list the CPU seconds that the broker used in the block."""
    used: list[float] = []
    before = cpu_s(broker.pid)
    yield used
    used.append(max(cpu_s(broker.pid) - before, 1 / CLOCK_TICKS_PER_S))
