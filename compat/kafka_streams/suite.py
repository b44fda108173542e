"""Run the word count of Kafka Streams with exactly_once_v2, kill it or its broker in the middle, and count for ourselves.

The rule of the file: the output of a word, read committed, must be exactly 1, 2, ..., n for the n times it was written: a lost
update is a gap, a repeated one a repetition. A kill counts only when it left a transaction open (`Run.kill_in_a_transaction`).
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from confluent_kafka import Producer

from compat import topic_content
from compat.brokers import BrokerProcess
from compat.jvm import JavaProcess, compile_java, java_command
from compat.kafka import LOG4J_VERSION, fetch
from compat.results import SuiteResult
from compat.scripted import run_cases, wait_until

VERSION = "4.4.0"
SETTINGS: dict[str, str] = {
    "group.initial.rebalance.delay.ms": "0",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",  # a dead program's transaction: see `wiped`
}
PARTITIONS = 3
WORDS = [f"word{number}" for number in range(40)]
WORDS_IN_A_LINE = 5
TOLD: Mapping[str, str] = {
    "processing.guarantee": "exactly_once_v2",
    "statestore.cache.max.bytes": "0",  # every update goes out
    "num.stream.threads": "2",
    "commit.interval.ms": "500",  # five times the default: transactions large enough to be found open
    "auto.offset.reset": "earliest",
    "session.timeout.ms": "6000",  # the least that a broker allows: a killed member is missed soon
    "heartbeat.interval.ms": "1000",
    "transaction.timeout.ms": "10000",  # Kafka Streams' own default
    "replication.factor": "1",
}


class Run:
    """One word count on topics of its own: what was written, the programs that count, where they keep their state."""

    def __init__(self, suite: Suite, name: str, settings: Mapping[str, str] | None = None) -> None:
        self.broker = suite.broker
        self.bootstrap = suite.broker.bootstrap
        self.application = f"{name}-{suite.unique}"
        self.input, self.output = f"{self.application}-lines", f"{self.application}-counts"
        self.settings = dict(TOLD) | dict(settings or {})
        self.written: Counter[str] = Counter()
        self.random = random.Random(name)
        self.suite = suite
        self.programs: list[JavaProcess] = []
        for topic in (self.input, self.output):
            topic_content.create_topic(self.bootstrap, topic, PARTITIONS)
        self.producer = Producer(
            topic_content.QUIET | {"bootstrap.servers": self.bootstrap, "enable.idempotence": True}
        )

    def program(self, state: str = "state") -> JavaProcess:
        """Return a new program that keeps its state in the directory `state` of this run."""
        directory = self.suite.directory / self.application / state
        told = self.settings | {
            "bootstrap.servers": self.bootstrap,
            "application.id": self.application,
            "state.dir": str(directory),
        }
        arguments = [f"{name}={value}" for name, value in told.items()]
        command = java_command(
            self.suite.class_path, "WordCount", self.input, self.output, *arguments, level="INFO"
        )
        found = JavaProcess(state, command, self.suite.out / f"{self.application}-{state}.log")
        self.programs.append(found)
        return found

    def feed(self, lines: int) -> None:
        """Write so many lines."""
        for _ in range(lines):
            words = self.random.choices(WORDS, k=WORDS_IN_A_LINE)
            self.written.update(words)
            self.producer.produce(self.input, " ".join(words), key=words[0])
            self.producer.poll(0)
        assert self.producer.flush(topic_content.WAIT_S) == 0, "lines were not acknowledged"

    def out(self, *, committed: bool = True) -> int:
        """Return the sum of the end offsets of the output."""
        return sum(topic_content.ends(self.bootstrap, self.output, committed=committed).values())

    def wait_for_output(self) -> None:
        """Wait until some of what is written was counted and committed since now."""
        before = self.out()
        wait_until("a count was committed", lambda: self.out() > before)

    def in_a_transaction(self) -> bool:
        """Return whether the output has records of an open transaction."""
        return self.out(committed=False) > self.out()

    def kill_in_a_transaction(self, program: JavaProcess) -> None:
        """SIGKILL the program while a transaction of it is open on the output, and see that it stays so."""
        for _ in range(20):  # a transaction is open most of the time while there is input
            self.feed(400)
            wait_until("a transaction is open", self.in_a_transaction, interval_s=0.01)
            program.kill()
            if self.in_a_transaction():
                return
            program.start()
            self.wait_for_output()
        raise AssertionError("no kill of 20 left a transaction open")

    def counts(self) -> dict[str, list[int]]:
        """Return the committed counts of each word in their order."""
        found: dict[str, list[int]] = {}
        for record in topic_content.read(self.bootstrap, self.output):
            assert record.key is not None
            assert record.value is not None
            found.setdefault(record.key.decode(), []).append(int.from_bytes(record.value, "big"))
        return found

    def finish(self, timeout_s: float = 180) -> None:
        """Wait until everything written is counted, stop the programs cleanly and judge the counts."""
        total = sum(self.written.values())

        def counted() -> int:
            return sum(map(len, self.counts().values()))

        try:
            wait_until(
                f"all of {total} updates", lambda: counted() >= total, timeout_s=timeout_s, interval_s=1
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.open_transactions()}") from None
        for program in self.programs:
            program.terminate()
        wrong = wrong_counts(self.written, self.counts())
        assert not wrong, f"{len(wrong)} words are wrong: {'; '.join(wrong)[:400]}"
        lags = topic_content.group_offsets(self.bootstrap, self.application, stable=True)
        ends = topic_content.ends(self.bootstrap, self.input, committed=True)
        done = {partition: lags.get((self.input, partition), 0) for partition in ends}
        assert done == ends, f"committed offsets {done}, ends {ends}"

    def open_transactions(self) -> str:
        """Say on which partitions the last stable offset lags behind the high watermark."""
        lagging = []
        for topic in (
            self.output,
            f"{self.application}-words-repartition",
            f"{self.application}-counts-changelog",
        ):
            high = topic_content.ends(self.bootstrap, topic, committed=False)
            stable = topic_content.ends(self.bootstrap, topic, committed=True)
            lagging += [
                f"{topic}-{each} {stable[each]} of {high[each]}" for each in high if stable[each] < high[each]
            ]
        return f"open transactions: {', '.join(lagging) or 'none'}"

    def stop(self) -> None:
        """Kill what still runs."""
        for program in self.programs:
            program.kill()


def wrong_counts(written: Mapping[str, int], counts: Mapping[str, Sequence[int]]) -> list[str]:
    """Return a line for each word whose counts are not 1, 2, ..., n for the n times it was written."""
    return [
        f"{word} written {written.get(word, 0)} times: {counts.get(word)}"
        for word in sorted({*written, *counts})
        if list(counts.get(word, [])) != list(range(1, written.get(word, 0) + 1))
    ]


class Suite:
    """What the cases share."""

    def __init__(self, broker: BrokerProcess, out: Path, directory: Path) -> None:
        self.broker, self.out, self.directory = broker, out, directory
        self.unique = str(broker.pid)  # names of an earlier run on the same broker do not matter: it is fresh
        libs = fetch(
            f"streams-log-{VERSION}",
            [
                ("org.apache.kafka", "kafka-streams", VERSION),
                ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
            ],
        )
        source = Path(__file__).parent / "WordCount.java"
        self.class_path: list[Path | str] = [compile_java("kafka_streams", source, libs), f"{libs}/*"]


def _case(body: Callable[[Run], None]) -> Callable[[Suite], None]:
    """Return the case that gives `body` a run of its own and stops its programs at the end."""

    def case(suite: Suite) -> None:
        run = Run(suite, body.__name__.replace("_", "-"))
        try:
            body(run)
        finally:
            run.stop()

    case.__name__, case.__doc__ = body.__name__, body.__doc__
    return case


def counted(run: Run) -> None:
    """Nothing is killed: the counts are exact, the internal topics are there with the configs that Streams asks for."""
    run.feed(1000)
    run.program().start()
    run.wait_for_output()
    run.feed(1000)
    run.finish()
    changelog = f"{run.application}-counts-changelog"
    repartition = f"{run.application}-words-repartition"
    for topic, policy in ((changelog, "compact"), (repartition, "delete")):
        assert len(topic_content.partitions_of(run.bootstrap, topic)) == PARTITIONS
        found = topic_content.topic_configs(run.bootstrap, topic, ["cleanup.policy"])
        assert found == {"cleanup.policy": policy}, f"{topic}: {found}"


def killed(run: Run) -> None:
    """The program is killed twice within a transaction and started again on what it left on disk."""
    run.feed(500)
    program = run.program().start()
    for _ in range(2):
        run.wait_for_output()
        run.kill_in_a_transaction(program)
        run.feed(300)  # nobody is counting
        program.start()
    run.wait_for_output()
    run.feed(500)
    run.finish()


def wiped(run: Run) -> None:
    """The program is killed within a transaction and its disk is lost: the open transaction times out, the state is
    restored from the changelog."""
    run.feed(500)
    program = run.program().start()
    run.wait_for_output()
    run.kill_in_a_transaction(program)
    shutil.rmtree(run.suite.directory / run.application / "state")
    run.feed(300)
    program.start()
    run.finish()


def taken_over(run: Run) -> None:
    """Two programs share the partitions; one is killed within a transaction and the other takes over."""
    run.feed(500)
    first, second = run.program("first").start(), run.program("second").start()
    running = "state RUNNING"
    wait_until("both run", lambda: all(running in each.log_path.read_text() for each in (first, second)))
    run.feed(300)
    run.wait_for_output()
    run.kill_in_a_transaction(first)
    run.programs.remove(first)
    run.feed(500)
    run.finish()


def broker_killed(run: Run) -> None:
    """The broker is killed twice while the program counts, and started again."""
    run.feed(500)
    run.program().start()
    for _ in range(2):
        run.wait_for_output()
        run.feed(1000)
        wait_until("a transaction is open", run.in_a_transaction, interval_s=0.01)
        run.broker.restart(hard=True)
        run.feed(300)
    run.finish()


def streams_protocol(run: Run) -> None:
    """The same as a streams group (KIP-1071), whose tasks the broker assigns; killed in a transaction, and started again."""
    run.settings["group.protocol"] = "streams"
    run.feed(500)
    program = run.program().start()
    run.wait_for_output()
    run.kill_in_a_transaction(program)
    run.feed(300)
    program.start()
    run.finish()


CASES: Mapping[str, Callable[[Suite], None]] = {
    body.__name__: _case(body)
    for body in (counted, killed, wiped, taken_over, broker_killed, streams_protocol)
}


def run_on(broker: BrokerProcess, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the cases on a broker that they may kill; `select` is a part of a case's name or None for all."""
    result = SuiteResult("kafka_streams", target, VERSION)
    with tempfile.TemporaryDirectory(prefix="kafka-streams-") as directory:
        return run_cases(result, CASES, Suite(broker, out, Path(directory)), select=select, out=out)
