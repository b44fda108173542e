"""Run windows of Quix Streams over recorded drives, exactly once, kill the program or its broker, and aggregate for ourselves.

The rule of the file: what goes out of a window, read committed, must be its contents after the first, second, ..., last row:
a lost update is a gap, a repeated one a repetition, a lost state a new beginning.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

from confluent_kafka import Producer

from compat import topic_content
from compat.brokers import REPOSITORY, BrokerProcess
from compat.exactly_once import ExactlyOnceRun
from compat.jvm import JavaProcess
from compat.programs import build
from compat.quix_streams.drives import Row, Window, closed, recorded, updates, wrong_windows
from compat.results import SuiteResult
from compat.scripted import run_cases

HERE = Path(__file__).parent
VERSION = "3.28.1"
SETTINGS: dict[str, str] = {
    # The open transaction of a killed program waits for its timeout (see windows.py): looked for often.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


def python() -> Path:
    """Return the interpreter of an environment with what requirements.txt names, made at first use.

    Not ours: Quix Streams asks for an older confluent-kafka than our client.
    """
    directory = REPOSITORY / ".cache" / f"quix-{VERSION}"
    interpreter = directory / "bin" / "python"
    if not (directory / ".complete").exists():
        venv.create(directory, with_pip=True, clear=True)
        wanted = str(HERE / "requirements.txt")
        build([str(interpreter), "-m", "pip", "install", "-q", "--no-deps", "-r", wanted], HERE)
        (directory / ".complete").touch()
    return interpreter


class Run(ExactlyOnceRun):
    """One application on topics of its own: what was fed, the programs, where they keep their state."""

    def __init__(self, suite: Suite, name: str) -> None:
        super().__init__(suite.broker.bootstrap, f"{name}-{suite.unique}")
        self.suite = suite
        self.broker = suite.broker
        self.rows: list[Row] = []
        self.emit = "current"
        self.producer = Producer(
            topic_content.QUIET | {"bootstrap.servers": self.bootstrap, "enable.idempotence": True}
        )

    @property
    def state(self) -> Path:
        """Where the first program keeps its state."""
        return self.suite.directory / self.application / "first"

    def program(self, name: str = "first") -> JavaProcess:
        """Return a new program that keeps its state in the directory `name` of this run."""
        state = self.suite.directory / self.application / name
        command = [str(self.suite.python), str(HERE / "windows.py"), self.bootstrap, self.application]
        command += [self.input, self.output, str(state), self.emit]
        found = JavaProcess(name, command, self.suite.out / f"{self.application}-{name}.log")
        self.programs.append(found)
        return found

    def feed(self, records: int) -> None:
        """Write the next rows of the drives."""
        begin = len(self.rows)
        rows = self.suite.recorded[begin : begin + records]
        assert len(rows) == records, "the recorded drives have no more rows"
        self.rows += rows
        for row in rows:
            value = json.dumps({"speed_mph": row.speed_mph})
            self.producer.produce(self.input, value, key=row.drive, timestamp=row.timestamp_ms)
            self.producer.poll(0)
        assert self.producer.flush(topic_content.WAIT_S) == 0, "rows were not acknowledged"

    def expected(self) -> dict[tuple[str, int], list[Window]]:
        """Return what must go out of each window."""
        return updates(self.rows) if self.emit == "current" else closed(self.rows)

    def finish(self) -> None:
        """Wait until everything fed is in the output, judge it and the offsets, stop the programs cleanly."""
        expected = self.expected()
        found: dict[tuple[str, int], list[Window]] = {}
        for record in self.wait_for_records(sum(map(len, expected.values()))):
            assert record.key is not None
            assert record.value is not None
            value = json.loads(record.value)
            window = Window(value["rows"], value["total"], value["highest"])
            found.setdefault((record.key.decode(), value["start"]), []).append(window)
        wrong = wrong_windows(expected, found)
        assert not wrong, f"{len(wrong)} windows are wrong: {'; '.join(wrong)[:400]}"
        self.wait_for_group(self.application)
        for program in self.programs:
            program.terminate()

    def changelogs(self) -> list[str]:
        """Return the changelog topics of the application."""
        topics = topic_content.admin(self.bootstrap).list_topics(timeout=topic_content.WAIT_S).topics
        return [name for name in topics if name.startswith(f"changelog__{self.application}")]


class Suite:
    """What the cases share."""

    def __init__(self, broker: BrokerProcess, out: Path, directory: Path) -> None:
        self.broker, self.out, self.directory = broker, out, directory
        self.unique = str(broker.pid)
        self.python = python()
        self.recorded = recorded()


def counted(run: Run) -> None:
    """Nothing is killed: every update is exact, and the changelog is there, compacted, with as many partitions."""
    run.feed(600)
    run.program().start()
    run.wait_for_output()
    run.feed(600)
    run.finish()
    (changelog,) = run.changelogs()
    assert len(topic_content.partitions_of(run.bootstrap, changelog)) == run.partitions
    found = topic_content.topic_configs(run.bootstrap, changelog, ["cleanup.policy"])
    assert found == {"cleanup.policy": "compact"}, f"{changelog}: {found}"


def closed_once(run: Run) -> None:
    """Windows go out when they are closed, each once, with SIGKILL in between; nothing tells a transaction from outside."""
    run.emit = "final"
    run.feed(1500)
    program = run.program().start()
    run.wait_for_output()
    run.feed(1500)
    program.kill()
    program.start()
    run.feed(600)
    run.finish()


def killed(run: Run) -> None:
    """The program gets SIGKILL in a transaction, twice, and goes on with the state on its disk."""
    run.feed(500)
    program = run.program().start()
    for _ in range(2):
        run.wait_for_output()
        run.kill_in_a_transaction(program)
        run.feed(300)  # nobody is counting
        program.start()
    run.wait_for_output()
    run.feed(300)
    run.finish()


def wiped(run: Run) -> None:
    """The program gets SIGKILL in a transaction and its disk is lost: the state comes from the changelog."""
    run.feed(500)
    program = run.program().start()
    run.wait_for_output()
    run.kill_in_a_transaction(program)
    shutil.rmtree(run.state)
    run.feed(300)
    program.start()
    run.finish()


def taken_over(run: Run) -> None:
    """Two programs share the partitions; one gets SIGKILL in a transaction, the other recovers its state and takes over."""
    run.feed(500)
    first = run.program("first").start()
    run.wait_for_output()
    run.program("second").start()
    run.feed(300)
    run.wait_for_output()
    run.kill_in_a_transaction(first)
    run.programs.remove(first)
    run.feed(500)
    run.finish()


def broker_killed(run: Run) -> None:
    """The broker gets SIGKILL in a transaction, twice; a program that ends for it is started again, as its makers advise."""
    run.supervised = True
    run.feed(500)
    run.program().start()
    for _ in range(2):
        run.wait_for_output()
        run.feed(500)
        run.wait_for_a_transaction()
        run.broker.restart(hard=True)
        run.feed(300)
    run.finish()


def _case(body: Callable[[Run], None]) -> Callable[[Suite], None]:
    """Return the case that gives `body` a run of its own and stops its programs at the end."""

    def case(suite: Suite) -> None:
        run = Run(suite, body.__name__.replace("_", "-"))
        try:
            body(run)
        finally:
            run.stop()

    return case


CASES: Mapping[str, Callable[[Suite], None]] = {
    body.__name__: _case(body) for body in (counted, closed_once, killed, wiped, taken_over, broker_killed)
}


def run_on(broker: BrokerProcess, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the cases on a broker that they may kill; `select` is a part of a case's name or None for all."""
    result = SuiteResult("quix_streams", target, VERSION)
    with tempfile.TemporaryDirectory(prefix="quix-streams-") as directory:
        return run_cases(result, CASES, Suite(broker, out, Path(directory)), select=select, out=out)
