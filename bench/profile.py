"""Where does the broker's time go? `python -m bench.profile [--out FILE] [--policy os] [QUESTION...]`.

Runs a load against a broker of its own, looks at its stack five hundred times a second with py-spy (a development dependency)
while it works, and prints for each question what the samples stood in: by part of the broker, and the functions with the
largest share of their own. System calls count for the function that made them. Idle samples are left out.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.common import CACHE, cpu_of, load
from bench.frames import produce_error_at, produce_frame, produce_partition_at
from compat.brokers import Neuraxis

SECONDS = 6
PER_SECOND = 500
MOST = 12
PARTITIONS = 1_000
WAITING = ("Workers._run", "AuditLog._run")  # threads without work, which py-spy takes for busy ones
_FRAME = re.compile(r"^(?P<name>\S+) \((?P<path>[^:)]+)(?::\d+)?\)$")


class Work:
    """What a question does again and again while the broker is watched, and how many units of what it did."""

    def __init__(self, broker: Neuraxis) -> None:
        self.broker = broker
        self.done = 0.0
        self.unit = "MB"

    def topic(self, name: str, partitions: int = 1) -> str:
        """Make a topic."""
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap, "log_level": 3})
        admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])[name].result(
            30
        )
        return name

    def frames(self, topic: str) -> tuple[object, ...]:
        """Write the small frame and return the first arguments of the raw-socket verbs."""
        path = CACHE / "profile.bin"
        path.write_bytes(produce_frame(topic, bytes(range(100))))
        return ("127.0.0.1", self.broker.port, path, produce_error_at(topic))


def _produce(work: Work) -> Callable[[], None]:
    topic = work.topic("produce")

    def once() -> None:
        work.done += load("produce", work.broker.bootstrap, topic, 500_000, 1000, 1)["bytes"] / 1e6

    return once


def _consume(work: Work) -> Callable[[], None]:
    topic = work.topic("consume")
    load("produce", work.broker.bootstrap, topic, 500_000, 1000, 1)

    def once() -> None:
        work.done += load("consume", work.broker.bootstrap, topic, 500_000)["bytes"] / 1e6

    return once


def _unbatched(work: Work) -> Callable[[], None]:
    arguments = work.frames(work.topic("unbatched"))
    work.unit = "requests"

    def once() -> None:
        work.done += load("frames", *arguments, 1, 48, 2_000)["requests"]

    return once


def _ack(work: Work) -> Callable[[], None]:
    topic = work.topic("ack")
    work.unit = "acknowledgements"

    def once() -> None:
        work.done += load("ack", work.broker.bootstrap, topic, 5_000, 1000)["samples"]

    return once


def _partitions(work: Work) -> Callable[[], None]:
    topic = work.topic("partitions", PARTITIONS)
    host, port, path, error_at = work.frames(topic)
    work.unit = "requests"

    def once() -> None:
        at = produce_partition_at(topic)
        work.done += load("paced", host, port, path, error_at, at, PARTITIONS, 5_000, 2_000)["samples"]

    return once


QUESTIONS: dict[str, Callable[[Work], Callable[[], None]]] = {
    "produce": _produce,
    "consume": _consume,
    "unbatched": _unbatched,
    "ack": _ack,
    "partitions": _partitions,
}


def part_of(path: str) -> str:
    """Return the part of the broker that a file belongs to."""
    if "neuraxis/" not in path:
        return "python"
    inside = path.split("neuraxis/", 1)[1].split("/")
    if inside[0] != "broker":
        return inside[0]
    return f"broker.{inside[1].removesuffix('.py')}" if len(inside) > 1 else "broker"


def read_stacks(text: str) -> tuple[Counter[str], Counter[str], int]:
    """Count samples by part and by function (own time only) in py-spy's `raw` lines: frames with `;`, then a count."""
    parts: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    total = 0
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_FRAME.match(frame.strip()) for frame in stack.split(";")]
        found = [frame for frame in frames if frame is not None]
        if not found:
            continue
        leaf = found[-1]
        if leaf["name"] in WAITING:
            continue
        path = leaf["path"]
        parts[part_of(path)] += int(count)
        functions[f"{path.rsplit('neuraxis/', 1)[-1]}: {leaf['name']}"] += int(count)
        total += int(count)
    return parts, functions, total


def table(parts: Counter[str], functions: Counter[str], total: int) -> str:
    """Return both counts as Markdown, the largest first."""
    lines = ["| Part | Share |", "|---|---|"]
    lines += [f"| `{name}` | {count / total:.0%} |" for name, count in parts.most_common(8)]
    lines += ["", "| Function, own time | Share |", "|---|---|"]
    lines += [f"| `{name}` | {count / total:.0%} |" for name, count in functions.most_common(MOST)]
    return "\n".join(lines)


def profile(name: str, policy: str) -> str:
    """Put one question and return what was seen, as Markdown."""
    broker = Neuraxis(durability=policy)
    broker.start()
    try:
        work = Work(broker)
        once = QUESTIONS[name](work)
        once()
        work.done = 0.0
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory) / "stacks.txt"
            spy = [str(Path(sys.executable).parent / "py-spy"), "record", "--pid", str(broker.pid)]
            spy += [
                "--format",
                "raw",
                "--rate",
                str(PER_SECOND),
                "--duration",
                str(SECONDS),
                "--output",
                str(out),
            ]
            with cpu_of(broker) as cpu:
                watcher = threading.Thread(
                    target=subprocess.run, args=(spy,), kwargs={"check": True, "capture_output": True}
                )
                watcher.start()
                until = time.monotonic() + SECONDS
                while time.monotonic() < until:
                    once()
                watcher.join()
            parts, functions, total = read_stacks(out.read_text())
    finally:
        broker.stop()
    told = f"{work.done / cpu[0]:,.0f} {work.unit} per broker CPU-second while watched, {total} samples."
    return f"### {name}, `{policy}`\n\n{told}\n\n{table(parts, functions, total)}\n"


def main() -> None:
    """Entry point of `python -m bench.profile`."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument(
        "questions", nargs="*", default=list(QUESTIONS), metavar="QUESTION", help=", ".join(QUESTIONS)
    )
    parser.add_argument("--policy", default="os", help="durability policy of the broker")
    parser.add_argument("--out", type=Path, help="write the Markdown there, too")
    arguments = parser.parse_args()
    unknown = set(arguments.questions) - set(QUESTIONS)
    if unknown:
        parser.error(f"no such question: {', '.join(sorted(unknown))}; choose from {', '.join(QUESTIONS)}")
    pages = []
    for name in arguments.questions:
        pages.append(profile(name, arguments.policy))
        print(pages[-1], flush=True)
    if arguments.out is not None:
        arguments.out.write_text("\n".join(pages))


if __name__ == "__main__":
    main()
