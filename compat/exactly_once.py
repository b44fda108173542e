"""A program that reads a topic and writes another one in transactions: find it in a transaction, kill it there.

The rule of the file: a kill counts only when it left a transaction open on the output, seen by a client that has nothing to do
with the program.
"""

from __future__ import annotations

from collections.abc import Callable

from compat import topic_content
from compat.jvm import JavaProcess
from compat.scripted import wait_until


class ExactlyOnceRun:
    """One run on topics of its own; subclasses say what is fed, started and judged."""

    partitions = 3

    def __init__(self, bootstrap: str, application: str) -> None:
        self.bootstrap = bootstrap
        self.application = application
        self.programs: list[JavaProcess] = []
        self.supervised = False  # whether a program that ends by itself is started again
        self.input, self.output = f"{application}-input", f"{application}-output"
        # Recorded data carry the times of their recording: neither topic may forget them for their age.
        forever = {"retention.ms": "-1"}
        for topic in (self.input, self.output):
            topic_content.create_topic(bootstrap, topic, self.partitions, forever)

    def feed(self, records: int) -> None:
        """Write so many records to the input."""
        raise NotImplementedError

    def wait(
        self, what: str, condition: Callable[[], bool], *, timeout_s: float = 120, interval_s: float = 0.2
    ) -> None:
        """Wait until `condition` holds. A program that ended by itself fails it, or is started again if supervised."""

        def holds() -> bool:
            for program in self.programs:
                if program.ended:
                    assert self.supervised, (
                        f"waiting until {what}: ended by itself, see {program.log_path.name}"
                    )
                    program.start()
            return condition()

        wait_until(what, holds, timeout_s=timeout_s, interval_s=interval_s)

    def stop(self) -> None:
        """Kill what still runs."""
        for program in self.programs:
            program.kill()

    def out(self, *, committed: bool = True) -> int:
        """Return the sum of the end offsets of the output."""
        return sum(topic_content.ends(self.bootstrap, self.output, committed=committed).values())

    def wait_for_output(self) -> None:
        """Wait until something was written and committed since now."""
        before = self.out()
        self.wait("something was committed", lambda: self.out() > before)

    def in_a_transaction(self) -> bool:
        """Return whether the output has records of an open transaction."""
        return self.out(committed=False) > self.out()

    def wait_for_a_transaction(self) -> None:
        """Wait until the output has records of an open transaction."""
        self.wait("a transaction is open", self.in_a_transaction, interval_s=0.01)

    def kill_in_a_transaction(self, program: JavaProcess, records: int = 400) -> None:
        """SIGKILL the program while a transaction of it is open on the output, and see that it stays so."""
        for _ in range(20):  # a transaction is open most of the time while there is input
            self.feed(records)
            self.wait_for_a_transaction()
            program.kill()
            if self.in_a_transaction():
                return
            program.start()
            self.feed(records)
            self.wait_for_output()
        raise AssertionError("no kill of 20 left a transaction open")

    def wait_for_records(self, total: int, timeout_s: float = 180) -> list[topic_content.Record]:
        """Wait until the output has that many committed records; return them. A failure tells how many there are."""
        found: list[topic_content.Record] = []

        def enough() -> bool:
            found[:] = topic_content.read(self.bootstrap, self.output)
            return len(found) >= total

        try:
            self.wait(f"{total} records", enough, timeout_s=timeout_s, interval_s=1)
        except AssertionError as error:
            raise AssertionError(
                f"{error}, but {len(found)}; transaction open: {self.in_a_transaction()}"
            ) from None
        return found

    def aborted(self) -> int:
        """Return how many records of aborted transactions are on the output."""
        seen = len(topic_content.read(self.bootstrap, self.output, committed=False))
        return seen - len(topic_content.read(self.bootstrap, self.output))

    def wait_for_group(self, group: str) -> None:
        """Wait until the group has committed the ends of the input."""
        ends = topic_content.ends(self.bootstrap, self.input, committed=True)

        def done() -> dict[int, int]:
            found = topic_content.group_offsets(self.bootstrap, group, stable=True)
            return {partition: found.get((self.input, partition), 0) for partition in ends}

        self.wait(f"group {group} has committed {ends}", lambda: done() == ends, timeout_s=60)
