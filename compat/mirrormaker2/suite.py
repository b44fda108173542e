"""Run MirrorMaker 2 (4.3.1) from a broker to the target: records, topic configs and group offsets, killed and restarted.

The rule of the file: a mirrored topic must have the records of its source by partition in their order, with keys, headers
and timestamps. On Neuraxis every case runs from another Neuraxis and again from Apache Kafka (`..._from_kafka`).
"""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from compat import topic_content
from compat.brokers import SUITE_SETTINGS, BrokerProcess, start_target
from compat.jvm import JavaProcess, java_command
from compat.kafka import LOG4J_VERSION, fetch
from compat.results import Case, SuiteResult
from compat.scripted import run_cases, wait_until

VERSION = "4.3.1"
SETTINGS: dict[str, str] = {
    "group.initial.rebalance.delay.ms": "0",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}
PARTITIONS = 3
TOLD: Mapping[str, str] = {
    "clusters": "source, target",
    "source->target.enabled": "true",
    "target->source.enabled": "false",
    "topics": ".*",
    "groups": ".*",
    "replication.factor": "1",
    "offset-syncs.topic.replication.factor": "1",
    "checkpoints.topic.replication.factor": "1",
    "heartbeats.topic.replication.factor": "1",
    "config.storage.replication.factor": "1",
    "offset.storage.replication.factor": "1",
    "status.storage.replication.factor": "1",
    "offset.storage.partitions": "3",
    "refresh.topics.interval.seconds": "1",  # minutes by default: too long for a test
    "refresh.groups.interval.seconds": "1",
    "sync.topic.configs.interval.seconds": "1",
    "emit.checkpoints.interval.seconds": "1",
    "sync.group.offsets.enabled": "true",
    "sync.group.offsets.interval.seconds": "1",
    "emit.heartbeats.interval.seconds": "1",
    "offset.lag.max": "10",  # how far a translated offset may lie behind: ten records, where the default is a hundred
}
WORKER: Mapping[
    str, str
] = {  # the worker's own, which MirrorMaker 2 takes with the name of a cluster before it
    "offset.flush.interval.ms": "500",
    "session.timeout.ms": "6000",
    "heartbeat.interval.ms": "1000",
    "scheduled.rebalance.max.delay.ms": "1000",
}
EXACTLY_ONCE: Mapping[str, str] = {
    "dedicated.mode.enable.internal.rest": "true",
    "target.exactly.once.source.support": "enabled",
    "listeners": "http://127.0.0.1:0",
}
IDENTITY = {"replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"}


def libs() -> Path:
    """Return the directory with the jars of MirrorMaker 2, fetched at first use."""
    return fetch(
        f"mirror-{VERSION}",
        [
            ("org.apache.kafka", "connect-mirror", VERSION),
            ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
        ],
    )


class Mirror:
    """Two brokers, a topic on the source, and MirrorMaker 2 between them."""

    def __init__(self, source: str, target: BrokerProcess, topic: str, out: Path, directory: Path) -> None:
        self.source, self.target, self.broker = source, target.bootstrap, target
        self.topic, self.out, self.directory = topic, out, directory
        self.sent = 0
        self.began_ms = int(time.time() * 1000)  # old records would be gone by their retention
        self.random = random.Random(topic)

    @contextlib.contextmanager
    def running(self, settings: Mapping[str, str] | None = None) -> Iterator[JavaProcess]:
        """Run MirrorMaker 2 for this topic with more settings, and kill it at the end."""
        told = dict(TOLD) | {
            "source.bootstrap.servers": self.source,
            "target.bootstrap.servers": self.target,
            "topics": self.topic,
            "groups": f"{self.topic}-.*",
        }
        told |= {f"{cluster}.{name}": WORKER[name] for cluster in ("source", "target") for name in WORKER}
        path = self.directory / f"{self.topic}.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in (told | dict(settings or {})).items()))
        main = "org.apache.kafka.connect.mirror.MirrorMaker"
        command = java_command([f"{libs()}/*"], main, str(path), level="INFO")
        log_path = self.out / f"{self.topic}.log"
        log_path.unlink(missing_ok=True)  # of an earlier run
        with JavaProcess("MirrorMaker 2", command, log_path) as process:
            yield process

    def create(self, config: Mapping[str, str] | None = None) -> None:
        """Create the topic on the source."""
        topic_content.create_topic(self.source, self.topic, PARTITIONS, config)

    def produce(self, count: int) -> None:
        """Produce so many records to the source, some with keys and headers, over all partitions."""
        producer = Producer(
            topic_content.QUIET | {"bootstrap.servers": self.source, "enable.idempotence": True}
        )
        for _ in range(count):
            number, self.sent = self.sent, self.sent + 1
            producer.produce(
                self.topic,
                f"record {number}".encode(),
                key=f"key {number % 7}".encode() if number % 3 else None,
                partition=self.random.randrange(PARTITIONS),
                timestamp=self.began_ms + number,
                headers=[("number", str(number).encode()), ("empty", b"")] if number % 2 else [],
            )
            producer.poll(0)
        assert producer.flush(topic_content.WAIT_S) == 0, "records were not acknowledged"

    def content(self, bootstrap: str, topic: str) -> dict[int, list[object]]:
        """Return what each partition of a topic holds, without its offsets."""
        found: dict[int, list[object]] = {}
        if topic_content.partitions_of(bootstrap, topic):
            for each in topic_content.read(bootstrap, topic):
                found.setdefault(each.partition, []).append(
                    (each.key, each.value, each.timestamp, each.headers)
                )
        return found

    def wait_mirrored(self, topic: str, count: int | None = None) -> None:
        """Wait until the target has so many records of the topic, all that were sent unless told otherwise."""
        wanted = self.sent if count is None else count

        def mirrored() -> int:
            return sum(map(len, self.content(self.target, topic).values()))

        wait_until(f"{wanted} records on the target", lambda: mirrored() >= wanted, interval_s=0.5)

    def check_mirrored(self, topic: str) -> None:
        """Wait for all records, and see that both topics hold the same."""
        self.wait_mirrored(topic)
        ours, theirs = self.content(self.source, self.topic), self.content(self.target, topic)
        for partition in range(PARTITIONS):
            got, wanted = theirs.get(partition), ours.get(partition)
            assert got == wanted, (
                f"partition {partition}: {len(got or [])} records for {len(wanted or [])}, or others"
            )

    def consume(self, bootstrap: str, topic: str, group: str, count: int) -> list[bytes]:
        """Consume up to `count` records as the only member of a group, commit what was consumed, and leave."""
        consumer = Consumer(
            topic_content.QUIET
            | {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        found: list[bytes] = []
        positions: dict[int, int] = {}
        try:
            consumer.subscribe([topic])

            def enough() -> bool:
                message = consumer.poll(0.5)
                if message is not None and message.error() is None:
                    partition, offset, value = message.partition(), message.offset(), message.value()
                    assert partition is not None and offset is not None and isinstance(value, bytes)  # noqa: PT018  # one thing: it is a record
                    found.append(value)
                    positions[partition] = offset + 1
                return len(found) >= count

            wait_until(f"{count} records of {topic} consumed by {group}", enough, interval_s=0)
            consumer.commit(
                offsets=[TopicPartition(topic, *each) for each in positions.items()], asynchronous=False
            )
        finally:
            consumer.close()
        return found


def records(mirror: Mirror) -> None:
    """Records are mirrored as they are, under the name of their source, also those that come later; so are heartbeats."""
    mirror.create()
    mirror.produce(500)
    remote = f"source.{mirror.topic}"
    with mirror.running():
        mirror.wait_mirrored(remote)
        mirror.produce(500)
        mirror.check_mirrored(remote)
        wait_until("a heartbeat", lambda: bool(mirror.content(mirror.target, "heartbeats")))


def topic_configs(mirror: Mirror) -> None:
    """The configs and the number of partitions of a topic are those of its source, also after they changed there."""
    first = {"retention.ms": "86400000", "cleanup.policy": "compact", "max.message.bytes": "54321"}
    mirror.create(first)
    mirror.produce(10)

    def has(wanted: Mapping[str, str]) -> bool:
        if not topic_content.partitions_of(mirror.target, mirror.topic):
            return False
        return topic_content.topic_configs(mirror.target, mirror.topic, list(wanted)) == wanted

    with mirror.running(IDENTITY):
        wait_until("the configs are the same", lambda: has(first))
        topic_content.set_topic_config(mirror.source, mirror.topic, "retention.ms", "7200000")
        topic_content.grow_topic(mirror.source, mirror.topic, PARTITIONS + 2)
        wait_until("the configs are the same again", lambda: has(first | {"retention.ms": "7200000"}))
        wait_until(
            "the topic has grown",
            lambda: len(topic_content.partitions_of(mirror.target, mirror.topic)) == PARTITIONS + 2,
        )


def group_moves(mirror: Mirror) -> None:
    """A group's offsets are translated; moved to the target it goes on where it was, without a loss."""
    mirror.create()
    mirror.produce(600)
    group = f"{mirror.topic}-group"
    with mirror.running(IDENTITY):
        mirror.wait_mirrored(mirror.topic)
        first = mirror.consume(mirror.source, mirror.topic, group, 300)
        mirror.produce(300)
        mirror.check_mirrored(mirror.topic)
        committed = topic_content.group_offsets(mirror.source, group)

        def translated() -> dict[tuple[str, int], int]:
            return topic_content.group_offsets(mirror.target, group)

        def close() -> bool:
            return all(
                translated().get(each, 0) >= offset - 120 for each, offset in committed.items() if offset
            )

        wait_until("the group is on the target", lambda: bool(translated()) and close())
        beyond = {each: offset for each, offset in translated().items() if offset > committed.get(each, 0)}
        assert not beyond, f"translated past what was committed: {beyond}, and {committed}"
    left = sum(
        end - translated().get((mirror.topic, each), 0)
        for each, end in topic_content.ends(mirror.target, mirror.topic, committed=True).items()
    )
    second = mirror.consume(mirror.target, mirror.topic, group, left)
    everything = {f"record {number}".encode() for number in range(mirror.sent)}
    missing = everything - set(first) - set(second)
    assert not missing, f"{len(missing)} of {mirror.sent} records were never consumed"
    repeated = set(first) & set(second)
    assert len(repeated) < len(first), "the group began anew"


def killed(mirror: Mirror) -> None:
    """MirrorMaker 2 is killed in the middle and started again: at least once, nothing is missing and the order holds."""
    mirror.create()
    mirror.produce(2000)
    remote = f"source.{mirror.topic}"
    with mirror.running() as process:
        mirror.wait_mirrored(remote, 1)
        mirror.produce(2000)
        process.kill()
        mirror.produce(500)
        process.start()
        mirror.produce(500)
        ours = mirror.content(mirror.source, mirror.topic)

        def distinct() -> dict[int, list[object]]:
            return {
                each: list(dict.fromkeys(map(repr, found)))
                for each, found in mirror.content(mirror.target, remote).items()
            }

        wanted = {each: [repr(one) for one in found] for each, found in ours.items()}
        wait_until("every record is there, in its order", lambda: distinct() == wanted, interval_s=0.5)


def killed_exactly_once(mirror: Mirror) -> None:
    """With exactly-once support, MirrorMaker 2 and the target broker are killed in the middle: every record once."""
    mirror.create()
    mirror.produce(2000)
    remote = f"source.{mirror.topic}"
    with mirror.running(EXACTLY_ONCE) as process:
        mirror.wait_mirrored(remote, 1)
        mirror.produce(2000)
        process.kill()
        mirror.produce(500)
        process.start()
        mirror.wait_mirrored(remote, mirror.sent - 500)
        mirror.produce(1000)
        mirror.broker.restart(hard=True)
        mirror.produce(500)
        mirror.check_mirrored(remote)


CASES: tuple[Callable[[Mirror], None], ...] = (
    records,
    topic_configs,
    group_moves,
    killed,
    killed_exactly_once,
)


class Suite:
    """What the cases share: the target, and a source of either kind, each started at first use."""

    def __init__(
        self, target: BrokerProcess, out: Path, directory: Path, stack: contextlib.ExitStack
    ) -> None:
        self.target, self.out, self.directory, self.stack = target, out, directory, stack
        self.sources: dict[str, BrokerProcess] = {}

    def source(self, kind: str) -> str:
        """Return the bootstrap string of the source of this kind."""
        if kind not in self.sources:
            self.sources[kind] = self.stack.enter_context(start_target(kind, dict(SUITE_SETTINGS) | SETTINGS))
        return self.sources[kind].bootstrap


def _case(body: Callable[[Mirror], None], kind: str, name: str) -> Callable[[Suite], None]:
    """Return the case that runs `body` from a source of this kind, on a topic of its own."""

    def case(suite: Suite) -> None:
        if not suite.target.running:
            suite.target.start()
        body(Mirror(suite.source(kind), suite.target, name.replace("_", "-"), suite.out, suite.directory))

    return case


def cases_on(target: str) -> dict[str, Callable[[Suite], None]]:
    """Return the cases by name: from a broker like the target, and for Neuraxis from Apache Kafka too."""
    found = {body.__name__: _case(body, target, body.__name__) for body in CASES}
    if target == "neuraxis":
        for body in CASES:
            name = f"{body.__name__}_from_kafka"
            found[name] = _case(body, "kafka", name)
    return found


def twins(cases: Sequence[Case]) -> list[Case]:
    """Return the outcomes of `..._from_kafka` on Apache Kafka: those of the cases, which ran from Apache Kafka."""
    return [Case(f"{case.name}_from_kafka", case.outcome, 0.0, case.message) for case in cases]


def run_on(broker: BrokerProcess, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the cases on a target that they may kill; `select` is a part of a case's name or None for all."""
    result = SuiteResult("mirrormaker2", target, VERSION)
    with tempfile.TemporaryDirectory(prefix="mirrormaker2-") as directory, contextlib.ExitStack() as stack:
        suite = Suite(broker, out, Path(directory), stack)
        run_cases(result, cases_on(target), suite, select=select, out=out)
    if target == "kafka":
        result.cases += twins(result.cases)
    return result
