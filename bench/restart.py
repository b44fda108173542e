"""How soon does a broker serve again after SIGKILL, with how much in it?

Question: after a kill, does the time to the first acknowledgement grow with the bytes that the logs hold, or with the number
of partitions? Budget: at most 1 s for 1,000 partitions that hold 10 GB in all, what was not synced yet included.

A case fills a topic through the broker, stops it cleanly, starts it and writes a tail that no checkpoint covers: under `os`
nearly as much as the broker ever leaves unsynced, under `sync` nearly a whole journal of small batches, or large batches that
the journal only refers to. Then SIGKILL. A round is: the command, one Metadata and one Produce request, asked again every 2 ms
until both are answered well; the clock starts before the command. Before each round the directory is put back as the kill left
it (segments keep what is in them, all else is copied back), so that every round meets the same unsynced tail.

`python -m bench.restart` measures (about six minutes, 12 GB of disk) and writes bench/results/restart.json and the page
docs/reference/restart.md; `--report` only writes the page again; `--only NAME` measures one case and writes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import itertools
import json
import os
import platform
import shutil
import socket
import statistics
import struct
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import (
    Any,
)  # the document comes from JSON: its values are numbers, strings, lists and dicts of them

from bench.common import RESULTS, cpu_s
from bench.frames import metadata_frame, produce_error_at, produce_frame
from compat.brokers import REPOSITORY, Neuraxis

PAGE = REPOSITORY / "docs" / "reference" / "restart.md"
DOCUMENT = RESULTS / "restart.json"
TOPIC = "held"
BUDGET_S = 1.0
ROUNDS = 7
LARGE = 1_000_000  # bytes of a record of the fill: below max.message.bytes
_BUSY_LOAD = 0.5  # of a core, before our own broker starts: more than that is somebody else's work
_BUSY = "**Other work was running on this machine** (load average {load_before}), which shares its two cores."
_PAGE = """# Restart after a kill

Written by `python -m bench.restart` on {date}: do not edit. {rounds} rounds of each case: SIGKILL, then `neuraxis up` on
what is there. The clock runs from before the command to the first acknowledged record of a client that asks every 2 ms. CPU is
what the broker had used by then, user and system.

{verdict}

| Policy | Partitions | Held in all | Not yet in a checkpoint | Median s | Range s | CPU s |
|---|---|---|---|---|---|---|
{rows}

Machine: {machine}; client and broker share it.{busy}

## Why

What was written since the last checkpoint is read, proved by its checksums and written again; the rest is not looked at. So the
time goes by that part, which has a limit (64 MiB of journal; a GiB of records, in which each batch counts 16 KiB more and each
large batch under `sync` four times), and by the number of partitions: each has a directory to be listed and two or three
small files to be opened. It does not go by the bytes that are held.

Before the first answer only the journal is made durable, with one sync, and the few logs of which it does not tell all; the
checkpoint follows a second later ([decision 0016](../decisions/0016-after-a-kill-the-checkpoint-comes-later.md)). After a power
cut, when the machine has been started again, everything is synced and the checkpoint made before the first answer.
"""
IN_FLIGHT = 64  # requests on the wire: the broker is never idle, and its receive buffers stay small


@dataclass(frozen=True, slots=True)
class Case:
    """What a broker holds when it is killed. Bytes are of records; `tail` of them follow the last checkpoint."""

    name: str
    policy: str
    partitions: int
    held: int
    tail: int
    record: int  # size of a record of the tail, one in each batch


KB, MB, GB = 10**3, 10**6, 10**9
_UNITS = ((GB, "GB"), (MB, "MB"), (KB, "kB"))
CASES = [
    Case("os, 10 GB in 1,000", "os", 1_000, 10 * GB, 500 * MB, 16_000),
    Case("sync, 10 GB in 1,000", "sync", 1_000, 10 * GB, 50 * MB, 1_000),
    Case("sync, large batches, 10 GB in 1,000", "sync", 1_000, 10 * GB, 240 * MB, 200_000),
    Case("os, small batches, 10 GB in 1,000", "os", 1_000, 10 * GB, 50 * MB, 1_000),
    Case("sync, 0.1 GB in 1,000", "sync", 1_000, GB // 10, 50 * MB, 1_000),
    Case("sync, 1 GB in 1,000", "sync", 1_000, GB, 50 * MB, 1_000),
    Case("sync, 10 GB in 1", "sync", 1, 10 * GB, 50 * MB, 1_000),
    Case("sync, 10 GB in 10", "sync", 10, 10 * GB, 50 * MB, 1_000),
    Case("sync, 10 GB in 100", "sync", 100, 10 * GB, 50 * MB, 1_000),
    Case("sync, a record each, 1 GB in 10", "sync", 10, GB, 10 * KB, 1_000),
    Case("sync, a record each, 1 GB in 1,000", "sync", 1_000, GB, MB, 1_000),
    Case("sync, a record each, 1 GB in 4,000", "sync", 4_000, GB, 4 * MB, 1_000),
]


class Connection:
    """A socket to the broker that keeps several requests on the wire."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.settimeout(60)
        self._answers = self.socket.makefile("rb")

    def answer(self) -> bytes:
        """Return the next answer without its length."""
        length = self._answers.read(4)
        if len(length) < 4:
            raise ConnectionError("closed")
        answer: bytes = self._answers.read(struct.unpack(">i", length)[0])
        return answer

    def ask(self, frame: bytes) -> bytes:
        """Send a request and return its answer."""
        self.socket.sendall(frame)
        return self.answer()

    def produce_all(self, frames: Iterator[bytes]) -> None:
        """Send Produce requests for TOPIC and check each answer."""
        at, waiting = produce_error_at(TOPIC), 0
        for frame in frames:
            self.socket.sendall(frame)
            waiting += 1
            if waiting == IN_FLIGHT:
                self._check(at)
                waiting -= 1
        for _ in range(waiting):
            self._check(at)

    def _check(self, at: int) -> None:
        code = self.answer()[at : at + 2]
        if code != b"\0\0":
            raise RuntimeError(f"Produce was refused with code {int.from_bytes(code)}")

    def close(self) -> None:
        """Close it."""
        self._answers.close()
        self.socket.close()


def frames(case: Case, total: int, record: int) -> Iterator[bytes]:
    """Return Produce requests for all partitions by turns, `total` bytes of records in all."""
    value = os.urandom(record)
    made = [produce_frame(TOPIC, value, partition) for partition in range(case.partitions)]
    return itertools.islice(itertools.cycle(made), max(total // record, 1))


def wait_first_ack(port: int) -> None:
    """Return when the topic was described and one record acknowledged."""
    deadline = time.monotonic() + 60
    at = produce_error_at(TOPIC)
    frame = produce_frame(TOPIC, b"hello")
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            connection = Connection(port)
            try:
                connection.ask(metadata_frame(TOPIC))
                if connection.ask(frame)[at : at + 2] == b"\0\0":
                    return
            finally:
                connection.close()
        time.sleep(0.002)
    raise RuntimeError("no acknowledgement in 60 s")


def fill(case: Case, broker: Neuraxis) -> None:
    """Bring the directory to the state after the kill."""
    broker.start()
    for total, record in ((case.held - case.tail, LARGE), (case.tail, case.record)):
        wait_first_ack(broker.port)
        connection = Connection(broker.port)
        connection.produce_all(frames(case, total, min(record, max(total // case.partitions, 1))))
        connection.close()
        if record == LARGE:
            broker.restart()
    broker.kill()


def keep(data: Path, kept: Path) -> None:
    """Copy all but the segments."""
    shutil.copytree(data, kept, ignore=shutil.ignore_patterns("*.log"))


def put_back(data: Path, kept: Path) -> None:
    """Make all but the segments what it was."""
    for folder, _, names in os.walk(data):
        for name in names:
            if not name.endswith(".log"):
                Path(folder, name).unlink()
    shutil.copytree(kept, data, dirs_exist_ok=True)
    os.sync()


def measure(case: Case, rounds: int, directory: Path) -> tuple[list[float], list[float]]:
    """Fill, kill and restart; return the seconds of each round, and those of the broker's CPU time."""
    broker = Neuraxis({"num.partitions": str(case.partitions)}, durability=case.policy, data_dir=directory)
    data, kept = directory / "data", directory / "kept"
    seconds: list[float] = []
    used_s: list[float] = []
    try:
        fill(case, broker)
        keep(data, kept)
        for number in range(rounds):
            if number:
                put_back(data, kept)
            broker.start(wait=False)
            wait_first_ack(broker.port)
            seconds.append(time.monotonic() - broker.started_at_s)
            used_s.append(cpu_s(broker.pid))
            broker.kill()
    finally:
        broker.stop()
    return seconds, used_s


def run(cases: list[Case], rounds: int, root: Path | None) -> dict[str, Any]:
    """Measure cases; return the document."""
    results = []
    load_before = round(os.getloadavg()[0], 2)
    for case in cases:
        directory = Path(tempfile.mkdtemp(prefix="restart-", dir=root))
        try:
            seconds, used_s = measure(case, rounds, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        row = {**asdict(case), "seconds": [round(each, 3) for each in seconds], "cpu_seconds": used_s}
        print(
            f"{case.name}: {statistics.median(seconds):.3f} s, CPU {statistics.median(used_s):.2f} s",
            flush=True,
        )
        print(f"    {sorted(row['seconds'])}", flush=True)
        results.append(row)
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, Linux {'.'.join(platform.release().split('.')[:2])}, "
        f"Python {platform.python_version()}",
        "load_before": load_before,
        "cases": results,
    }


def _amount(count: int) -> str:
    """Print bytes as people say them."""
    return next((f"{count / unit:g} {name}" for unit, name in _UNITS if count >= unit), f"{count} B")


def _row(case: dict[str, Any]) -> str:
    """Return a case's line of the table."""
    seconds, cpu_s = sorted(case["seconds"]), statistics.median(case["cpu_seconds"])
    return (
        f"| `{case['policy']}` | {case['partitions']:,} | {_amount(case['held'])} "
        f"| {_amount(case['tail'])}, batches of {_amount(case['record'])} "
        f"| {statistics.median(seconds):.2f} | {seconds[0]:.2f} to {seconds[-1]:.2f} | {cpu_s:.2f} |"
    )


def page(document: dict[str, Any]) -> str:
    """Return the page of a run."""
    judged = [case for case in document["cases"] if case["partitions"] == 1_000 and case["held"] >= 10 * GB]
    worst = max(judged, key=lambda case: statistics.median(case["seconds"]), default=None)
    verdict = ""
    if worst is not None:
        median = statistics.median(worst["seconds"])
        verdict = (
            f"Budget: at most {BUDGET_S:g} s for 1,000 partitions that hold 10 GB in all, unsynced tails included.\n"
            f"The slowest of these cases takes {median:.2f} s: {'met' if median <= BUDGET_S else '**missed**'}."
        )
    rounds = min(len(case["seconds"]) for case in document["cases"])
    rows = "\n".join(_row(case) for case in document["cases"])
    busy = "\n\n" + _BUSY.format(**document) if document["load_before"] > _BUSY_LOAD else ""
    return _PAGE.format(**document, rounds=rounds, verdict=verdict, rows=rows, busy=busy)


def main() -> None:
    """Measure, or write the page again."""
    parser = argparse.ArgumentParser(prog="python -m bench.restart", description=__doc__.partition("\n")[0])
    parser.add_argument("--report", action="store_true", help="only write the page again")
    parser.add_argument("--only", help="measure the cases whose name contains this, and write nothing")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--directory", type=Path, help="where the data goes; default: the temporary directory"
    )
    options = parser.parse_args()
    if not options.report:
        cases = [case for case in CASES if not options.only or options.only in case.name]
        document = run(cases, options.rounds, options.directory)
        if options.only:
            return
        DOCUMENT.write_text(json.dumps(document, indent=1) + "\n")
    PAGE.write_text(page(json.loads(DOCUMENT.read_text())))
    print(PAGE)


if __name__ == "__main__":
    main()
