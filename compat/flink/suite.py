"""Run a count with Flink's Kafka connector, exactly once, let it fail or kill it in the middle, and count for ourselves.

The rule of the file: the output of a word, read committed, must be exactly 1, 2, ..., n for the n times it was written.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from confluent_kafka import Producer

from compat import topic_content
from compat.brokers import BrokerProcess
from compat.exactly_once import ExactlyOnceRun
from compat.jvm import JavaProcess, compile_java, java_command
from compat.kafka import LOG4J_VERSION, fetch
from compat.kafka_streams.suite import wrong_counts
from compat.results import SuiteResult
from compat.scripted import run_cases

FLINK_VERSION = "2.2.1"
VERSION = (
    "5.0.0-2.2"  # of the connector, the newest; it is built for Flink 2.2 and brings kafka-clients 4.2.0
)
SETTINGS: dict[str, str] = {}
WORDS = [f"word{number}" for number in range(40)]
THROW_AFTER = 200  # records after a checkpoint: some of them are in a transaction that must be aborted
TOLD: Mapping[str, str] = {
    "execution.checkpointing.interval": "1 s",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "20",
    "restart-strategy.fixed-delay.delay": "1 s",
    "taskmanager.memory.network.min": "16m",  # four partitions of small records; the default is 64 MB and more
    "taskmanager.memory.network.max": "16m",
    "taskmanager.memory.managed.size": "16m",
}
# What Flink's own start scripts open on a Java 17, as far as this job needs it.
OPENED = ("--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED")


class Job(JavaProcess):
    """The program of one run; a start after a kill goes on from the newest completed checkpoint, as an operator would."""

    def __init__(self, name: str, command: list[str], checkpoints: Path, log_path: Path) -> None:
        super().__init__(name, command, log_path)
        self.fresh = list(command)
        self.checkpoints = checkpoints

    def start(self) -> Self:
        """Start the job, from the newest completed checkpoint if there is one."""
        completed = [path.parent for path in self.checkpoints.glob("*/chk-*/_metadata")]
        newest = max(completed, key=lambda path: path.stat().st_mtime_ns, default=None)
        told = [] if newest is None else [f"execution.state-recovery.path={newest.as_uri()}"]
        self.command = [*self.fresh, *told]
        return super().start()


class Run(ExactlyOnceRun):
    """One count on topics of its own."""

    def __init__(self, suite: Suite, name: str) -> None:
        super().__init__(suite.broker.bootstrap, f"{name}-{suite.unique}")
        self.suite = suite
        self.broker = suite.broker
        self.written: Counter[str] = Counter()
        self.random = random.Random(name)
        self.producer = Producer(
            topic_content.QUIET | {"bootstrap.servers": self.bootstrap, "enable.idempotence": True}
        )

    def job(self, *, throw_after: int = 0, naming: str = "INCREMENTING") -> Job:
        """Return the job; `throw_after` and `naming` are those of Count.java."""
        directory = self.suite.directory / self.application
        told = dict(TOLD) | {"execution.checkpointing.dir": directory.as_uri()}
        arguments = [self.bootstrap, self.input, self.output, naming, str(throw_after)]
        arguments += [f"{name}={value}" for name, value in told.items()]
        command = java_command(self.suite.class_path, "Count", *arguments, heap="384M", level="INFO")
        # A killed Flink leaves its files behind: they go with the directory of the suite.
        command[1:1] = [*OPENED, f"-Djava.io.tmpdir={self.suite.directory}"]
        found = Job(self.application, command, directory, self.suite.out / f"{self.application}.log")
        self.programs.append(found)
        return found

    def feed(self, records: int) -> None:
        """Write so many words."""
        for word in self.random.choices(WORDS, k=records):
            self.written[word] += 1
            self.producer.produce(self.input, word)
            self.producer.poll(0)
        assert self.producer.flush(topic_content.WAIT_S) == 0, "words were not acknowledged"

    def counts(self) -> dict[str, list[int]]:
        """Return the committed counts of each word in their order, when there are as many as were written."""
        found: dict[str, list[int]] = {}
        for record in self.wait_for_records(sum(self.written.values())):
            assert record.key is not None
            assert record.value is not None
            found.setdefault(record.key.decode(), []).append(int(record.value))
        return found

    def finish(self) -> None:
        """Wait until everything written is counted, judge the counts and the offsets, stop the job."""
        wrong = wrong_counts(self.written, self.counts())
        assert not wrong, f"{len(wrong)} words are wrong: {'; '.join(wrong)[:400]}"
        self.wait_for_group(self.input)  # committed by the source with each checkpoint
        self.stop()  # by SIGKILL: everything is committed


class Suite:
    """What the cases share."""

    def __init__(self, broker: BrokerProcess, out: Path, directory: Path) -> None:
        self.broker, self.out, self.directory = broker, out, directory
        self.unique = str(broker.pid)
        libs = fetch(
            f"flink-{FLINK_VERSION}",
            [
                ("org.apache.flink", "flink-streaming-java", FLINK_VERSION),
                ("org.apache.flink", "flink-clients", FLINK_VERSION),
                ("org.apache.flink", "flink-connector-base", FLINK_VERSION),
                ("org.apache.flink", "flink-connector-kafka", VERSION),
                ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
            ],
        )
        source = Path(__file__).parent / "Count.java"
        self.class_path: list[Path | str] = [compile_java("flink", source, libs), f"{libs}/*"]


def counted(run: Run) -> None:
    """Nothing fails: the counts are exact, and the source's group has committed the ends of the input."""
    run.feed(1000)
    run.job().start()
    run.wait_for_output()
    run.feed(1000)
    run.finish()


def _thrown(run: Run, naming: str) -> None:
    job = run.job(throw_after=THROW_AFTER, naming=naming).start()

    def threw() -> bool:
        run.feed(2 * THROW_AFTER)
        return "threw on purpose" in job.log_path.read_text()

    run.wait("the count threw", threw, interval_s=0.5)
    run.feed(500)
    run.wait_for_output()
    run.feed(500)
    run.counts()
    assert run.aborted() > 0, "nothing was aborted: the exception hit no transaction"
    run.finish()


def thrown(run: Run) -> None:
    """The count throws once in a transaction; the restart strategy goes back to the last checkpoint."""
    _thrown(run, "INCREMENTING")


def thrown_with_pooled_ids(run: Run) -> None:
    """The same with pooled transactional ids: what to abort comes from the broker's list of transactions."""
    _thrown(run, "POOLING")


def _killed(run: Run, naming: str) -> None:
    run.feed(500)
    job = run.job(naming=naming).start()
    for _ in range(2):
        run.wait_for_output()
        run.kill_in_a_transaction(job)
        run.feed(300)  # nobody is counting
        job.start()
    run.wait_for_output()
    run.feed(500)
    run.finish()


def killed(run: Run) -> None:
    """The process gets SIGKILL in a transaction, twice, and goes on from its newest checkpoint."""
    _killed(run, "INCREMENTING")


def killed_with_pooled_ids(run: Run) -> None:
    """The same with pooled transactional ids."""
    _killed(run, "POOLING")


def broker_killed(run: Run) -> None:
    """The broker gets SIGKILL in a transaction, twice, and is started again."""
    run.feed(500)
    run.job().start()
    for _ in range(2):
        run.wait_for_output()
        run.feed(1000)
        run.wait_for_a_transaction()
        run.broker.restart(hard=True)
        run.feed(300)
    run.finish()


def _case(body: Callable[[Run], None]) -> Callable[[Suite], None]:
    """Return the case that gives `body` a run of its own and stops its job at the end."""

    def case(suite: Suite) -> None:
        run = Run(suite, body.__name__.replace("_", "-"))
        try:
            body(run)
        finally:
            run.stop()

    return case


CASES: Mapping[str, Callable[[Suite], None]] = {
    body.__name__: _case(body)
    for body in (counted, thrown, thrown_with_pooled_ids, killed, killed_with_pooled_ids, broker_killed)
}


def run_on(broker: BrokerProcess, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the cases on a broker that they may kill; `select` is a part of a case's name or None for all."""
    result = SuiteResult("flink", target, VERSION)
    with tempfile.TemporaryDirectory(prefix="flink-") as directory:
        return run_cases(result, CASES, Suite(broker, out, Path(directory)), select=select, out=out)
