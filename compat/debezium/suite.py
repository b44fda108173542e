"""Follow a PostgreSQL table with Debezium's engine, offsets and events in Kafka, kill the engine or the broker, and compare.

The rule of the file: every change that PostgreSQL committed is told, in the order of the commits (see `changes.wrong_order`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from compat import topic_content
from compat.brokers import BrokerProcess
from compat.debezium.changes import Change, Table, read_event, wrong_order
from compat.debezium.postgres import Postgres, version
from compat.jvm import JavaProcess, compile_java, java_command
from compat.kafka import LOG4J_VERSION, fetch
from compat.results import SuiteResult
from compat.scripted import run_cases, wait_until

VERSION = "3.6.3.Final"
SETTINGS: dict[str, str] = {}
BATCH = 20  # changes in one PostgreSQL transaction
TOLD: Mapping[str, str] = {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "plugin.name": "pgoutput",
    "database.hostname": "127.0.0.1",
    "database.user": "postgres",
    "database.password": "trusted",  # asked for by the connector, not by the server
    "database.dbname": "postgres",
    "table.include.list": "public.cars",
    "tombstones.on.delete": "false",
    "max.batch.size": "64",  # small: a kill falls between the batches of what was fed
    "poll.interval.ms": "20",
    "offset.storage": "org.apache.kafka.connect.storage.KafkaOffsetBackingStore",
    "offset.storage.partitions": "1",
    "offset.storage.replication.factor": "1",
    "offset.flush.interval.ms": "500",
    "key.converter.schemas.enable": "false",
    "value.converter.schemas.enable": "false",
}


class Run:
    """One table, its replication slot, its topics, and the engine that follows it."""

    def __init__(self, suite: Suite, name: str) -> None:
        self.suite = suite
        self.broker, self.postgres = suite.broker, suite.postgres
        self.bootstrap = suite.broker.bootstrap
        self.name = f"{name}-{suite.unique}"
        self.topic = f"{self.name}.public.cars"
        self.offsets = f"{self.name}-offsets"
        self.table = Table(name)
        self.postgres.execute(
            "DROP TABLE IF EXISTS cars",
            "CREATE TABLE cars (car integer PRIMARY KEY, speed integer)",
            "ALTER TABLE cars REPLICA IDENTITY FULL",  # a deletion tells what the row was
        )
        topic_content.create_topic(self.bootstrap, self.topic)
        self.engine = self._engine()

    def _engine(self) -> JavaProcess:
        slot = self.name.replace("-", "_")
        told = dict(TOLD) | {
            "name": self.name,
            "topic.prefix": self.name,
            "database.port": str(self.postgres.port),
            "slot.name": slot,
            "publication.name": slot,
            "publication.autocreate.mode": "filtered",
            "bootstrap.servers": self.bootstrap,
            "offset.storage.topic": self.offsets,
        }
        arguments = [f"{name}={value}" for name, value in told.items()]
        command = java_command(self.suite.class_path, "Changes", self.bootstrap, *arguments, level="INFO")
        return JavaProcess(self.name, command, self.suite.out / f"{self.name}.log")

    def feed(self, changes: int) -> None:
        """Execute so many changes, in PostgreSQL transactions of `BATCH`."""
        for begin in range(0, changes, BATCH):
            count = min(BATCH, changes - begin)
            self.postgres.execute(*(self.table.statement() for _ in range(count)))

    def fill(self, cars: int) -> None:
        """Insert cars before the engine runs: they are what its snapshot tells."""
        self.feed(cars)
        # A snapshot reads in the order of a scan.
        scanned = self.postgres.execute("SELECT car FROM cars").split()
        assert len(scanned) == len(self.table.rows)
        self.table.changes = [Change("r", int(car), self.table.rows[int(car)]) for car in scanned]

    def start(self) -> None:
        """Start the engine for the first time: it tells what is there, then follows."""
        self.engine.start()
        self.wait("the snapshot is told", lambda: self.told() == len(self.table.changes))

    def told(self) -> int:
        """Return how many events are on the topic."""
        return sum(topic_content.ends(self.bootstrap, self.topic, committed=True).values())

    def wait(self, what: str, condition: Callable[[], bool], timeout_s: float = 120) -> None:
        """Wait until `condition` holds; fail at once when the engine ended by itself."""

        def holds() -> bool:
            assert not self.engine.ended, f"{what}: the engine ended by itself, see {self.engine.log_path}"
            return condition()

        wait_until(what, holds, timeout_s=timeout_s)

    def wait_for_events(self) -> None:
        """Wait until something is told that was not told before."""
        before = self.told()
        self.wait("an event came", lambda: self.told() > before)

    def wrong(self) -> str:
        """Return what is wrong with the events on the topic, or an empty string."""
        events = topic_content.read(self.bootstrap, self.topic)
        return wrong_order(self.table.changes, [read_event(each.value) for each in events if each.value])

    def finish(self) -> int:
        """Wait until all changes are told in order, stop the engine cleanly; return how many were told again."""
        last = [""]

        def all_told() -> bool:
            last[0] = self.wrong() if self.told() >= len(self.table.changes) else "too few events"
            return not last[0]

        try:
            self.wait("all changes are told in order", all_told)
        except AssertionError as error:
            raise AssertionError(f"{error}; {last[0]}") from None
        self.engine.terminate()
        assert not (wrong := self.wrong()), wrong
        return self.told() - len(self.table.changes)

    def close(self) -> None:
        """Kill the engine if it still runs, and drop what it left in PostgreSQL."""
        self.engine.kill()
        slot = self.name.replace("-", "_")
        asked = f"FROM pg_replication_slots WHERE slot_name = '{slot}'"
        wait_until(
            "nobody reads from the slot",
            lambda: self.postgres.execute(f"SELECT count(*) {asked} AND active") == "0",
        )
        self.postgres.execute(f"SELECT pg_drop_replication_slot(slot_name) {asked}")
        self.postgres.execute(f"DROP PUBLICATION IF EXISTS {slot}")


class Suite:
    """What the cases share."""

    def __init__(self, broker: BrokerProcess, postgres: Postgres, out: Path, directory: Path) -> None:
        self.broker, self.postgres, self.out, self.directory = broker, postgres, out, directory
        self.unique = str(broker.pid)
        libs = fetch(
            f"debezium-{VERSION}",
            [
                ("io.debezium", "debezium-embedded", VERSION),
                ("io.debezium", "debezium-connector-postgres", VERSION),
                ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
            ],
        )
        source = Path(__file__).parent / "Changes.java"
        self.class_path: list[Path | str] = [compile_java("debezium", source, libs), f"{libs}/*"]


def followed(run: Run) -> None:
    """Nothing is killed: a snapshot, then every change exactly once; the offsets are in a compacted topic."""
    run.fill(100)
    run.start()
    run.feed(400)
    assert run.finish() == 0, "something was told twice although nothing was killed"
    found = topic_content.topic_configs(run.bootstrap, run.offsets, ["cleanup.policy"])
    assert found == {"cleanup.policy": "compact"}, f"{run.offsets}: {found}"
    assert topic_content.read(run.bootstrap, run.offsets), "no offset was kept"


def stopped(run: Run) -> None:
    """The engine is stopped cleanly and started again: it goes on where it was, without a snapshot and a repetition."""
    run.fill(40)
    run.start()
    for _ in range(2):
        run.feed(100)
        run.wait("all are told", lambda: run.told() == len(run.table.changes))
        run.engine.terminate()
        run.feed(60)  # nobody follows
        run.engine.start()
    assert run.finish() == 0, "something was told twice although nothing was killed"


def killed(run: Run) -> None:
    """The engine gets SIGKILL while it follows, three times, and goes on from the offsets that are in Kafka."""
    run.fill(100)
    run.start()
    for _ in range(3):
        before = run.told()
        run.feed(200)
        run.wait("some of it is told", lambda before=before: run.told() > before)
        run.engine.kill()
        run.feed(100)  # nobody follows
        run.engine.start()
        run.wait_for_events()
    run.feed(100)
    run.finish()


def broker_killed(run: Run) -> None:
    """The broker gets SIGKILL while the engine follows, three times, and is started again."""
    run.fill(40)
    run.start()
    for _ in range(3):
        run.wait("all are told", lambda: run.told() >= len(run.table.changes))
        run.feed(200)
        run.broker.restart(hard=True)
        run.feed(100)
    run.finish()


def _case(body: Callable[[Run], None]) -> Callable[[Suite], None]:
    """Return the case that gives `body` a run of its own and clears up at the end."""

    def case(suite: Suite) -> None:
        run = Run(suite, body.__name__.replace("_", "-"))
        try:
            body(run)
        finally:
            run.close()

    return case


CASES: Mapping[str, Callable[[Suite], None]] = {
    body.__name__: _case(body) for body in (followed, stopped, killed, broker_killed)
}


def run_on(broker: BrokerProcess, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the cases on a broker that they may kill; `select` is a part of a case's name or None for all."""
    result = SuiteResult("debezium", target, VERSION, note=f"PostgreSQL {version()}")
    with (
        tempfile.TemporaryDirectory(prefix="debezium-") as directory,
        Postgres(out / "postgres.log") as postgres,
    ):
        suite = Suite(broker, postgres, out, Path(directory))
        return run_cases(result, CASES, suite, select=select, out=out)
