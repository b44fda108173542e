"""The connected-car demo: `python -m examples.connected_car.run`, or `make demo`.

Starts a broker, sends recorded drives as a fleet, lets a consumer group turn them into trips, kills the broker half-way, checks
that nothing was lost, and writes a report. Exit code 0 when every check holds, 1 when one does not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import queue
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

if __package__ in {None, ""}:  # started as a file: the repository's root is what `examples` is found in
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from examples.connected_car import feed as feeding
from examples.connected_car.broker import Broker, BrokerFailed
from examples.connected_car.checks import Outcome, run_checks
from examples.connected_car.display import Display
from examples.connected_car.fleet import run_member
from examples.connected_car.report import write_report

PARTITIONS = 6
SECOND_MEMBER_AT, KILL_AT = 0.2, 0.5  # shares of the feed
DOWN_S = 1.0  # how long the broker stays down: long enough to see in the chart
STALL_S = 45.0  # no progress for so long is a failure; a group needs up to its session timeout to notice a dead member


class Failed(RuntimeError):
    """The run cannot go on; the message says why and what to do."""


class Run:
    """One run of the demo against one cluster."""

    def __init__(self, bootstrap: str, broker: Broker | None, fleet: feeding.Fleet, display: Display) -> None:
        self.bootstrap, self.broker, self.fleet, self.display = bootstrap, broker, fleet, display
        suffix = (
            "" if broker else f"-{uuid.uuid4().hex[:8]}"
        )  # on somebody's cluster, every run has its own topics
        self.topics = (f"connected_car.readings{suffix}", f"connected_car.trips{suffix}")
        self.group = f"connected_car.trip-maker{suffix}"
        self.outcome = Outcome()
        self.samples: list[tuple[float, int, int, int]] = []  # seconds, sent, acknowledged, read
        self.marks: list[tuple[float, str]] = []
        self.positions: dict[int, int] = {}
        self.read_again = 0
        self.rebalances = 0
        spawn = multiprocessing.get_context("spawn")
        self._reports = spawn.Queue()
        self._stop = spawn.Event()
        self._members = [
            spawn.Process(
                target=run_member,
                args=(number, bootstrap, self.topics, self.group, self._reports, self._stop),
                daemon=True,
            )
            for number in (1, 2)
        ]
        self._again: dict[int, int] = {}
        self._owners: dict[int, int] = {}  # partition -> the member that has it now
        self._reached: dict[int, int] = {}  # partition -> how far that member is
        self._done: set[int] = set()
        self._started = 0.0
        self._killed_at = 0.0
        self._restarter: threading.Thread | None = None
        self._restart_failure: str | None = None

    def go(self, rate: float, speed: float) -> None:
        """Create the topics, feed, consume, kill, wait for the end, and collect what came out."""
        self._create_topics()
        feed = feeding.Feed(self.bootstrap, self.topics[0], self.fleet.readings)
        self._members[0].start()
        self._wait_for_first_assignment()
        self._started = time.monotonic()
        thread = threading.Thread(target=feed.run, args=(rate, speed), daemon=True)
        thread.start()
        try:
            self._watch(feed, thread)
        finally:
            self._stop.set()
        self._collect(feed)

    def _create_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2})
        new = [
            NewTopic(self.topics[0], PARTITIONS, -1),
            NewTopic(self.topics[1], 1, -1, config={"cleanup.policy": "compact"}),
        ]
        try:
            admin.list_topics(timeout=5)  # an absent broker shows in seconds here
            for future in admin.create_topics(new, request_timeout=15).values():
                future.result()
        except KafkaException as error:
            raise Failed(
                f"cannot create topics at {self.bootstrap}: {error.args[0].str()}. "
                "Is a broker running there? `neuraxis up` starts one."
            ) from error

    def _wait_for_first_assignment(self) -> None:
        """A feed without its reader would only prove that a log can wait; start them together."""
        deadline = time.monotonic() + STALL_S
        while self.rebalances == 0:
            if time.monotonic() > deadline:
                raise Failed(
                    f"the first member got no partitions in {STALL_S:.0f} s; the broker's log says why"
                )
            self._drain(0.05)

    def _watch(self, feed: feeding.Feed, thread: threading.Thread) -> None:
        """Sample ten times a second, bring in the second member, kill the broker, until all is read."""
        total = len(self.fleet.readings)
        progress, progressed = (0, 0), time.monotonic()
        while True:
            self._drain(0.1)
            now = time.monotonic() - self._started
            read = sum(self.positions.values())
            self.samples.append((now, feed.sent, feed.acknowledged, read))
            self.display.update(feed.sent, feed.acknowledged, read)
            if (
                self._killed_at
                and not self.outcome.outage_s
                and feed.acknowledged > self.outcome.acknowledged_at_kill + 1000
            ):
                self.outcome.outage_s = now - self._killed_at
            if feed.failure or self._restart_failure:
                raise Failed(str(feed.failure or self._restart_failure))
            if not self._members[1].pid and feed.acknowledged >= SECOND_MEMBER_AT * total:
                self._members[1].start()
                self._mark("second member joins")
            if self.broker and not self._restarter and feed.acknowledged >= KILL_AT * total:
                self._kill(feed)
            if not thread.is_alive() and self._all_in(feed.ends):
                return
            if (feed.acknowledged, read) != progress:
                progress, progressed = (feed.acknowledged, read), time.monotonic()
            elif time.monotonic() - progressed > STALL_S:
                raise Failed(
                    f"no progress for {STALL_S:.0f} s at {feed.acknowledged:,} acknowledged and {read:,} read of {total:,}"
                )

    def _all_in(self, ends: dict[int, int]) -> bool:
        """Both members have partitions, every partition has a member, and each member has read all of its own."""
        settled = len(self._owners) == PARTITIONS and set(self._owners.values()) == {1, 2}
        return settled and all(self._reached.get(partition, 0) >= end for partition, end in ends.items())

    def _kill(self, feed: feeding.Feed) -> None:
        assert self.broker is not None
        broker = self.broker
        self.outcome.killed = True
        broker.kill()
        self.outcome.acknowledged_at_kill = feed.acknowledged
        self._killed_at = time.monotonic() - self._started
        self._mark("broker killed (SIGKILL)")

        def restart() -> None:
            time.sleep(DOWN_S)
            try:
                self.outcome.restart_s = broker.start()
            except BrokerFailed as error:
                self._restart_failure = str(error)
            else:
                self._mark("broker back")

        self._restarter = threading.Thread(target=restart, daemon=True)
        self._restarter.start()

    def _mark(self, what: str) -> None:
        self.marks.append((time.monotonic() - self._started, what))
        self.display.say(what)

    def _drain(self, wait_s: float) -> None:
        """Take what the members report, for `wait_s` seconds."""
        until = time.monotonic() + wait_s
        with contextlib.suppress(queue.Empty):
            while (left := until - time.monotonic()) > 0:
                self._take_report(*self._reports.get(timeout=left))
        for number, member in enumerate(self._members, 1):
            if member.exitcode not in {None, 0}:
                raise Failed(f"member {number} ended with exit code {member.exitcode}")

    def _take_report(self, kind: str, number: int, content: object) -> None:
        if kind == "failed":
            raise Failed(f"member {number} failed: {content}")
        if kind == "done":
            self._done.add(number)
        elif kind == "car" and isinstance(content, dict):
            partition = content.pop("partition")
            self.outcome.owners.setdefault(partition, set()).add(number)
            if content["vehicle"] in self.outcome.cars:
                raise Failed(f"{content['vehicle']} was handed over by two members")
            self.outcome.cars[content["vehicle"]] = content
        elif kind == "progress" and isinstance(content, dict):
            self._again[number] = content["again"]
            for partition, position in content["positions"].items():
                self.positions[partition] = max(position, self.positions.get(partition, 0))
                if self._owners.get(partition) == number:
                    self._reached[partition] = position
        elif kind in {"assigned", "revoked", "lost"} and isinstance(content, list):
            self._take_rebalance(kind, number, content)

    def _take_rebalance(self, kind: str, number: int, partitions: list[int]) -> None:
        self.rebalances += kind == "assigned"
        for partition in partitions:
            if kind == "assigned":
                self._owners[partition] = number
            elif self._owners.get(partition) == number:
                del self._owners[partition]
            self._reached.pop(partition, None)
        if partitions:
            self.display.say(f"member {number}: partitions {' '.join(map(str, partitions))} {kind}")

    def _collect(self, feed: feeding.Feed) -> None:
        """Wait for the members' final state, then ask the cluster what it holds."""
        deadline = time.monotonic() + STALL_S
        while len(self._done) < 2:
            if time.monotonic() > deadline:
                raise Failed("the members did not hand over their state")
            self._drain(0.1)
        for member in self._members:
            member.join(10)
        self.read_again = sum(self._again.values())
        self.outcome.acknowledged, self.outcome.ends = feed.acknowledged, dict(feed.ends)
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        asked = ConsumerGroupTopicPartitions(self.group)
        answer = admin.list_consumer_group_offsets([asked], request_timeout=15)[self.group].result()
        self.outcome.committed = {one.partition: one.offset for one in answer.topic_partitions}
        self.outcome.published = self._read_trips()

    def _read_trips(self) -> dict[str, dict[str, object]]:
        """Read the trips topic as any dashboard would: the newest value of every key."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"{self.group}-check",
                "enable.auto.commit": False,
            }
        )
        place = TopicPartition(self.topics[1], 0, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=15)
        consumer.assign([place])
        trips: dict[str, dict[str, object]] = {}
        position, deadline = 0, time.monotonic() + STALL_S
        while position < end:
            if time.monotonic() > deadline:
                raise Failed(f"could read {position} of {end} records of {self.topics[1]}")
            for message in consumer.consume(100, timeout=0.2):
                if message.error() is None:
                    trips[bytes(message.key() or b"").decode()] = json.loads(bytes(message.value() or b""))
                    position = (message.offset() or 0) + 1
        consumer.close()
        return trips


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="connected_car", description=__doc__.split("\n\n")[0] if __doc__ else ""
    )
    parser.add_argument(
        "--bootstrap", metavar="HOST:PORT", help="use this Kafka cluster; nothing is killed there"
    )
    parser.add_argument(
        "--rate", type=float, default=15_000, help="readings a second; 0 = as fast as it goes [15000]"
    )
    parser.add_argument(
        "--speed", type=float, default=0, help="times real time, instead of --rate (600: 14 s)"
    )
    parser.add_argument(
        "--only", default="", metavar="CAR,CAR", help="only these vehicles, such as drive-18,7512BE4D"
    )
    parser.add_argument("--out", type=Path, default=Path("out/connected_car"), help="directory of the report")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; returns the exit code."""
    options = parse(arguments)
    began = time.monotonic()
    display = Display()
    with tempfile.TemporaryDirectory(prefix="connected-car-") as directory:
        broker = None if options.bootstrap else Broker(Path(directory))
        try:
            fleet = feeding.load({name for name in options.only.split(",") if name})
            if not fleet.readings:
                raise Failed(
                    f"no vehicle is called {options.only}; they are drive-01 to drive-34, 3BA199E2, 7512BE4D"
                )
            display.say(f"{len(fleet.readings):,} readings of {len(fleet.ledgers)} vehicles loaded")
            if broker:
                display.say(f"broker up on {broker.bootstrap} in {broker.start():.2f} s")
            run = Run(options.bootstrap or broker.bootstrap, broker, fleet, display)
            with display.running(len(fleet.readings)):
                run.go(options.rate, options.speed)
            checks = run_checks(fleet, run.outcome)
            page = write_report(
                options.out, fleet, run.outcome, checks, run.samples, run.marks, run.read_again
            )
            display.result(run.outcome, checks, page, time.monotonic() - began)
            return 0 if all(check.holds for check in checks) else 1
        except (Failed, BrokerFailed) as error:
            display.failed(str(error), broker.log if broker else None)
            return 1
        finally:
            if broker:
                broker.stop()


if __name__ == "__main__":
    sys.exit(main())
