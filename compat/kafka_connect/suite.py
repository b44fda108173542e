"""Run Kafka Connect 4.3.1 in distributed mode with exactly-once sources: file to topic to file, while workers and broker die.

The rule of the file: every line of the source file must be in the topic, read committed, once and in its order. The file sink
commits offsets after it wrote (at least once by Connect's own contract), so its file must be exact except where a case
kills a worker whose sink is running.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from compat import topic_content
from compat.brokers import BrokerProcess
from compat.kafka_connect.worker import VERSION, Worker
from compat.results import SuiteResult
from compat.scripted import run_cases, wait_until

SETTINGS: dict[str, str] = {
    "group.initial.rebalance.delay.ms": "0",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}
RUNNING = ["RUNNING", "RUNNING"]  # a connector and its one task


class Suite:
    """What the cases share: a broker that they may kill and a worker that is started at first use."""

    def __init__(self, broker: BrokerProcess, out: Path, directory: Path) -> None:
        self.broker, self.out, self.directory = broker, out, directory
        self.worker = self.new_worker("worker")

    def new_worker(self, name: str) -> Worker:
        """Return another worker of the same group."""
        return Worker(name, self.broker.bootstrap, self.directory, self.out / f"{name}.log")

    def ready(self) -> None:
        """See that broker and worker run, whatever an earlier case did."""
        if not self.broker.running:
            self.broker.start()
        if not self.worker.running:
            self.worker.start()
        self.worker.expect(200, "GET", "/connectors")


class Pipe:
    """A source file, a topic, a sink file, and the two connectors between them."""

    def __init__(self, suite: Suite, name: str) -> None:
        self.suite, self.worker, self.bootstrap = suite, suite.worker, suite.broker.bootstrap
        self.topic, self.source, self.sink = name, f"{name}-source", f"{name}-sink"
        self.source_file, self.sink_file = suite.directory / f"{name}.in", suite.directory / f"{name}.out"
        self.lines: list[str] = []
        self.source_file.touch()
        topic_content.create_topic(self.bootstrap, self.topic)

    def source_config(self) -> dict[str, str]:
        """Return the configuration of the source: transactions of half a second, so that a kill can find one open."""
        return {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
            "exactly.once.support": "required",
            "transaction.boundary": "interval",
            "transaction.boundary.interval.ms": "500",
            "tasks.max": "1",
            "topic": self.topic,
            "file": str(self.source_file),
            "batch.size": "100",
        }

    def sink_config(self) -> dict[str, str]:
        """Return the configuration of the sink, which reads committed lines only."""
        return {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "tasks.max": "1",
            "topics": self.topic,
            "file": str(self.sink_file),
            "consumer.override.isolation.level": "read_committed",
            "consumer.override.session.timeout.ms": "6000",
            "consumer.override.heartbeat.interval.ms": "1000",
        }

    def start(self) -> None:
        """Create both connectors and wait until they run."""
        for name, config in ((self.source, self.source_config()), (self.sink, self.sink_config())):
            self.worker.expect(201, "POST", "/connectors", {"name": name, "config": config})
        self.wait_running(self.source, self.sink)

    def wait_running(self, *connectors: str) -> None:
        """Wait until these connectors and their tasks run."""
        for each in connectors:
            wait_until(f"{each} runs", lambda each=each: self.worker.states(each) == RUNNING)  # type: ignore[misc]  # a default binds the loop's value

    def set_state(self, connector: str, verb: str, state: str) -> None:
        """Pause, resume or stop a connector and wait until it says so."""
        self.worker.expect(204 if verb == "stop" else 202, "PUT", f"/connectors/{connector}/{verb}")
        wait_until(f"{connector}: {state}", lambda: set(self.worker.states(connector)) == {state})

    def append(self, count: int) -> None:
        """Append so many lines to the source file."""
        new = [f"{self.topic} line {len(self.lines) + number:06d}" for number in range(count)]
        with self.source_file.open("a") as file:
            file.writelines(f"{line}\n" for line in new)
        self.lines += new

    def in_a_transaction(self) -> bool:
        """Return whether the topic has records of an open transaction."""
        committed = topic_content.ends(self.bootstrap, self.topic, committed=True)
        return topic_content.ends(self.bootstrap, self.topic, committed=False) != committed

    def in_topic(self) -> list[str]:
        """Return the lines in the topic, read committed."""
        records = topic_content.read(self.bootstrap, self.topic)
        return [(record.value or b"").decode() for record in records]

    def in_sink(self) -> list[str]:
        """Return the lines in the sink file."""
        return self.sink_file.read_text().splitlines() if self.sink_file.exists() else []

    def finish(self, *, sink_exact: bool = True) -> None:
        """Wait until the last line is in the sink file, stop both connectors, and judge what is where."""
        last = self.lines[-1]
        wait_until("the last line is in the topic", lambda: last in self.in_topic(), interval_s=0.5)
        wait_until("the last line is in the sink file", lambda: last in self.in_sink(), interval_s=0.5)
        for each in (self.source, self.sink):
            self.set_state(each, "stop", "STOPPED")
        in_topic, in_sink = self.in_topic(), self.in_sink()
        assert in_topic == self.lines, f"the topic has {difference(self.lines, in_topic)}"
        if sink_exact:
            assert in_sink == self.lines, f"the sink file has {difference(self.lines, in_sink)}"
        missing = set(self.lines) - set(in_sink)
        assert not missing, f"{len(missing)} lines are not in the sink file, such as {min(missing)}"
        self.check_offsets()

    def check_offsets(self) -> None:
        """See that the offsets which the REST interface shows are the ends of the source file and of the topic."""
        (source,) = self.worker.expect(200, "GET", f"/connectors/{self.source}/offsets")["offsets"]
        size = self.source_file.stat().st_size
        assert source == {
            "partition": {"filename": str(self.source_file)},
            "offset": {"position": size},
        }, f"{source}, and the file has {size} bytes"
        (sink,) = self.worker.expect(200, "GET", f"/connectors/{self.sink}/offsets")["offsets"]
        end = topic_content.ends(self.bootstrap, self.topic, committed=True)[0]
        # The last offset of a topic may be a marker, which a consumer only passes when it polls again.
        assert sink["offset"]["kafka_offset"] in (end, end - 1), f"{sink}, and the topic ends at {end}"

    def remove(self) -> None:
        """Delete what there is of the two connectors; where the case has left no broker or worker that answers, let them be."""
        with contextlib.suppress(AssertionError):
            for each in (self.source, self.sink):
                if self.worker.running and self.suite.broker.running:
                    self.worker.call("DELETE", f"/connectors/{each}")


def difference(wanted: list[str], got: list[str]) -> str:
    """Say how two lists of lines differ."""
    missing, extra = set(wanted) - set(got), len(got) - len(set(got))
    first = next(
        (number for number, pair in enumerate(zip(wanted, got, strict=False)) if pair[0] != pair[1]), None
    )
    return f"{len(got)} lines for {len(wanted)}: {len(missing)} missing, {extra} repeated, first difference at {first}"


def _case(body: Callable[[Pipe], None]) -> Callable[[Suite], None]:
    """Return the case that gives `body` a pipe of its own, and removes it at the end."""

    def case(suite: Suite) -> None:
        suite.ready()
        pipe = Pipe(suite, body.__name__)
        try:
            body(pipe)
        finally:
            pipe.remove()

    case.__name__, case.__doc__ = body.__name__, body.__doc__
    return case


def rest(pipe: Pipe) -> None:
    """Plugins, validation, creation, a taken name, configuration, pause, restart and deletion by the REST interface."""
    worker, path = pipe.worker, f"/connectors/{pipe.source}"
    cluster = worker.expect(200, "GET", "/")
    assert cluster["version"] == VERSION, cluster
    assert cluster["kafka_cluster_id"] == topic_content.admin(pipe.bootstrap).list_topics().cluster_id, (
        cluster
    )
    classes = {each["class"] for each in worker.expect(200, "GET", "/connector-plugins")}
    assert {pipe.source_config()["connector.class"], pipe.sink_config()["connector.class"]} <= classes
    bad = pipe.source_config() | {"name": pipe.source}
    del bad["topic"]
    checked = worker.expect(200, "PUT", "/connector-plugins/FileStreamSourceConnector/config/validate", bad)
    wrong = [each["value"]["name"] for each in checked["configs"] if each["value"]["errors"]]
    assert "topic" in wrong, wrong
    pipe.start()
    status, answer = worker.call("POST", "/connectors", {"name": pipe.source, "config": pipe.source_config()})
    assert (status, "already exists" in answer["message"]) == (409, True), answer
    changed = pipe.source_config() | {"batch.size": "50", "name": pipe.source}
    assert worker.expect(200, "PUT", f"{path}/config", changed)["config"]["batch.size"] == "50"
    pipe.wait_running(pipe.source)
    pipe.set_state(pipe.source, "pause", "PAUSED")
    pipe.append(10)
    pipe.set_state(pipe.source, "resume", "RUNNING")
    worker.expect(202, "POST", f"{path}/restart?includeTasks=true")
    wait_until("a line came", lambda: len(pipe.in_sink()) == 10)
    pipe.wait_running(pipe.source)
    assert worker.expect(200, "GET", f"{path}/topics") == {pipe.source: {"topics": [pipe.topic]}}
    worker.expect(204, "DELETE", path)
    wait_until("it is gone", lambda: worker.call("GET", path)[0] == 404)


def copied(pipe: Pipe) -> None:
    """Nothing is killed: every line arrives once; the worker's topics have the configs that it asks for."""
    pipe.append(500)
    pipe.start()
    wait_until("lines arrive", lambda: len(pipe.in_sink()) > 0)
    pipe.append(500)
    pipe.finish()
    for topic, partitions in (("connect-configs", 1), ("connect-offsets", 3), ("connect-status", 5)):
        assert len(topic_content.partitions_of(pipe.bootstrap, topic)) == partitions, topic
        config = topic_content.topic_configs(pipe.bootstrap, topic, ["cleanup.policy"])
        assert config == {"cleanup.policy": "compact"}, f"{topic}: {config}"


def kill_worker_in_a_transaction(pipe: Pipe) -> None:
    """SIGKILL the worker while a transaction of the source is open on the topic, and see that it stays so."""
    for _ in range(10):  # a transaction is open most of the time while there is input
        pipe.append(300)
        wait_until("a transaction is open", pipe.in_a_transaction, interval_s=0.01)
        pipe.worker.kill()
        if pipe.in_a_transaction():
            return
        pipe.worker.start()
        pipe.wait_running(pipe.source)
    raise AssertionError("no kill of 10 left a transaction open")


def worker_killed(pipe: Pipe) -> None:
    """The worker is killed in a transaction of the source, twice; the sink, stopped meanwhile, writes every line once."""
    pipe.append(500)
    pipe.start()
    wait_until("lines arrive", lambda: len(pipe.in_sink()) == 500)
    for _ in range(2):
        pipe.set_state(pipe.sink, "stop", "STOPPED")
        kill_worker_in_a_transaction(pipe)
        pipe.append(100)  # nobody is reading
        pipe.worker.start()
        pipe.wait_running(pipe.source)
        pipe.set_state(pipe.sink, "resume", "RUNNING")
        pipe.append(100)
    pipe.finish()


def worker_and_sink_killed(pipe: Pipe) -> None:
    """The worker is killed with both connectors running: the topic is exact, the sink file lacks nothing."""
    pipe.append(500)
    pipe.start()
    wait_until("lines arrive", lambda: len(pipe.in_sink()) > 0)
    kill_worker_in_a_transaction(pipe)
    pipe.append(100)
    pipe.worker.start()
    pipe.finish(sink_exact=False)


def broker_killed(pipe: Pipe) -> None:
    """The broker is killed within a transaction, twice, with both connectors running: topic and sink file are exact."""
    pipe.append(500)
    pipe.start()
    for _ in range(2):
        arrived = len(pipe.in_sink())
        pipe.append(300)
        wait_until("lines arrive", lambda arrived=arrived: len(pipe.in_sink()) > arrived)  # type: ignore[misc]  # a default binds the loop's value
        pipe.append(300)
        wait_until("a transaction is open", pipe.in_a_transaction, interval_s=0.01)
        pipe.suite.broker.restart(hard=True)
        pipe.append(100)
    pipe.finish()


def another_worker_takes_over(pipe: Pipe) -> None:
    """A second worker joins; the first is killed in a transaction; the second, asked by REST, ends the work."""
    pipe.append(200)
    pipe.start()
    second = pipe.suite.new_worker("second-worker").start()
    try:
        second.expect(200, "GET", "/connectors")
        where = f"127.0.0.1:{second.port}"
        path = f"/connectors/{pipe.source}/status"

        def shared() -> bool:
            owners = [
                pipe.worker.call("GET", f"/connectors/{each}/status")[1] for each in (pipe.source, pipe.sink)
            ]
            return any(
                part.get("worker_id") == where
                for each in owners
                for part in (each["connector"], *each["tasks"])
            )

        wait_until("the second worker has a part of the work", shared)
        kill_worker_in_a_transaction(pipe)
        pipe.append(100)
        pipe.worker = second
        wait_until(
            "the second worker has it all",
            lambda: second.call("GET", path)[1]["tasks"][0]["worker_id"] == where,
        )
        pipe.finish(sink_exact=False)
        pipe.remove()
    finally:
        pipe.worker = pipe.suite.worker
        second.kill()


def offsets_altered(pipe: Pipe) -> None:
    """The offsets of the stopped source are set back by REST, and forgotten: lines from there come once more."""
    pipe.append(20)
    pipe.start()
    wait_until("the lines arrive", lambda: len(pipe.in_sink()) == 20)
    pipe.set_state(pipe.source, "stop", "STOPPED")
    position = sum(len(line) + 1 for line in pipe.lines[:15])
    patch = {"partition": {"filename": str(pipe.source_file)}, "offset": {"position": position}}
    pipe.worker.expect(200, "PATCH", f"/connectors/{pipe.source}/offsets", {"offsets": [patch]})
    pipe.set_state(pipe.source, "resume", "RUNNING")
    wait_until("five lines come again", lambda: pipe.in_sink() == pipe.lines + pipe.lines[15:])
    pipe.set_state(pipe.source, "stop", "STOPPED")
    pipe.worker.expect(200, "DELETE", f"/connectors/{pipe.source}/offsets")
    pipe.set_state(pipe.sink, "stop", "STOPPED")
    pipe.worker.expect(200, "DELETE", f"/connectors/{pipe.sink}/offsets")
    before = len(pipe.in_sink())
    pipe.set_state(pipe.sink, "resume", "RUNNING")
    pipe.set_state(pipe.source, "resume", "RUNNING")
    again = pipe.lines + pipe.lines[15:] + pipe.lines
    wait_until("all lines come again", lambda: pipe.in_sink()[before:] == again)


CASES: Mapping[str, Callable[[Suite], None]] = {
    body.__name__: _case(body)
    for body in (
        rest,
        copied,
        offsets_altered,
        worker_killed,
        worker_and_sink_killed,
        another_worker_takes_over,
        broker_killed,
    )
}


def run_on(broker: BrokerProcess, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the cases on a broker that they may kill; `select` is a part of a case's name or None for all."""
    result = SuiteResult("kafka_connect", target, VERSION)
    with tempfile.TemporaryDirectory(prefix="kafka-connect-") as directory:
        suite = Suite(broker, out, Path(directory))
        try:
            return run_cases(result, CASES, suite, select=select, out=out)
        finally:
            suite.worker.kill()
