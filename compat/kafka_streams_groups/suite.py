"""Run the word count of Kafka Streams as a streams group: two programs, whose tasks the broker assigns, and one of them goes.

The rule of the file: the counts are judged as in `compat.kafka_streams`; here the group is also looked at from outside.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from compat.brokers import BrokerProcess
from compat.kafka_streams import suite as word_count
from compat.kafka_streams.suite import Run, Suite
from compat.results import SuiteResult
from compat.scripted import run_cases, wait_until

VERSION = word_count.VERSION
SETTINGS = word_count.SETTINGS | {"group.streams.initial.rebalance.delay.ms": "0"}
RUNNING = "state RUNNING"


def shared(suite: Suite) -> None:
    """Two programs share the tasks; one leaves in good order and the other goes on alone: every count is exact."""
    run = Run(suite, "shared", {"group.protocol": "streams"})
    try:
        run.feed(500)
        first, second = run.program("first").start(), run.program("second").start()
        wait_until("both run", lambda: all(RUNNING in each.log_path.read_text() for each in (first, second)))
        run.feed(500)
        run.wait_for_output()
        first.terminate()
        run.programs.remove(first)
        run.feed(500)
        run.finish()
    finally:
        run.stop()


CASES: Mapping[str, Callable[[Suite], None]] = {"shared": shared}


def run_on(broker: BrokerProcess, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the cases on a broker; `select` is a part of a case's name or None for all."""
    result = SuiteResult("kafka_streams_groups", target, VERSION)
    with tempfile.TemporaryDirectory(prefix="kafka-streams-groups-") as directory:
        return run_cases(result, CASES, Suite(broker, out, Path(directory)), select=select, out=out)
