"""Cases written in Python around a program of somebody else: run them in their order, judge each by its assertions.

The rule of the file: a case that waits says for what, and a wait that ends without it is a failure.
"""

from __future__ import annotations

import subprocess
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from confluent_kafka import KafkaException

from compat.brokers import BrokerFailed
from compat.results import Case, SuiteResult

Context = TypeVar("Context")


def run_cases(
    result: SuiteResult,
    cases: Mapping[str, Callable[[Context], None]],
    context: Context,
    *,
    select: str | None,
    out: Path,
) -> SuiteResult:
    """Run the cases whose names contain `select` into `result`; tracebacks go to `out/<suite>.log`."""
    began = time.monotonic()
    for name, case in cases.items():
        if select and select not in name:
            continue
        started, outcome, message = time.monotonic(), "passed", ""
        try:
            case(context)
        except (
            AssertionError,
            ValueError,
            OSError,
            BrokerFailed,
            KafkaException,
            subprocess.SubprocessError,
        ) as error:
            outcome, message = "failed", str(error)[:600]
            with (out / f"{result.suite}.log").open("a") as log:
                log.write(f"{name}: {traceback.format_exc()}\n")
        result.cases.append(Case(name, outcome, time.monotonic() - started, message))
    result.seconds += time.monotonic() - began
    return result


def wait_until(
    what: str, condition: Callable[[], bool], *, timeout_s: float = 120, interval_s: float = 0.2
) -> None:
    """Wait until `condition` holds, asked every `interval_s`; fail with `what` after `timeout_s`.

    120 s: a JVM that starts on a machine with other work takes up to 20 s, a lost member's session 45 s.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"after {timeout_s:.0f} s still not: {what}"
        time.sleep(interval_s)
