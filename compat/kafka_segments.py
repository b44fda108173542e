"""Kafka's own DumpLogSegments reads a partition directory of ours: `python -m compat.kafka_segments` (Java 17, Maven).

It writes logs through the store (plain, compressed, idempotent, transactional markers, both after a clean stop and after a
replay), lets the tool verify every file and compares what it prints with what was written.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from compat.kafka import tool_command
from neuraxis.broker.log.fs import DiskFs
from neuraxis.broker.log.log import Log
from neuraxis.broker.log.settings import LogSettings, StoreOptions
from neuraxis.broker.log.store import LogStore
from neuraxis.broker.work import Now, perform
from neuraxis.wire.batch import ControlType, build_control_batch, read_header, set_offset
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.records import Record, build_batch

DUMP = "org.apache.kafka.tools.DumpLogSegments"
NOW = Now(1_000, 1_700_000_000_000)
SYNC = LogSettings(flush_messages=1, segment_bytes=40_000, index_interval_bytes=512)
OS = replace(SYNC, flush_messages=LogSettings().flush_messages)
PROBLEMS = ("mismatch", "Exception", "corrupt", "not found", "does not", "invalid")


def fill(log: Log, count: int) -> None:
    """Append batches of every kind."""
    codecs = list(CompressionType)
    for number in range(count):
        if number % 17 == 16:
            data = build_control_batch(ControlType.COMMIT, 5, 0, 0, NOW.wall_ms + number)
        else:
            records = [
                Record(i, NOW.wall_ms + 10 * number + i, b"key %d" % number, b"value " * 20, (("h", b"x"),))
                for i in range(3)
            ]
            transactional = number % 5 == 0
            data = bytearray(
                build_batch(
                    records,
                    compression=codecs[number % len(codecs)],
                    producer_id=5 if transactional else 6 + number % 2,
                    producer_epoch=0,
                    base_sequence=3 * number,
                    transactional=transactional,
                )
            )
        view = memoryview(data)
        set_offset(view, log.log_end_offset, log.leader_epoch)
        log.append(view, read_header(view), NOW)


def write_directory(directory: Path) -> None:
    """A data directory that was stopped cleanly once, and once left behind and recovered."""
    for stop in ("clean", "unclean", "clean"):
        fs = DiskFs(str(directory))
        store = LogStore(fs, StoreOptions(boot_id="compat"))
        store.recover(NOW)
        for number, settings in enumerate((SYNC, OS)):
            topic_id = bytes([number + 1]) * 16
            log = store.logs.get((topic_id, 0)) or store.create_log(f"topic-{number}", topic_id, 0, settings)
            log.configure(settings)
            fill(log, 200)
        for work in store.take_work():
            store.done(work.id, perform(fs, work), None, NOW)
        if stop == "clean":
            store.close(NOW)
        else:
            fs.close()


def dump(*arguments: str) -> str:
    """What the tool prints; RuntimeError if it fails or complains."""
    done = subprocess.run(tool_command(DUMP, *arguments), capture_output=True, text=True, check=False)
    complaints = [line for line in done.stdout.splitlines() if any(word in line for word in PROBLEMS)]
    complaints = [line for line in complaints if "isvalid: true" not in line]
    # The tool expects offset 0 first and says so of every segment that does not begin there, Kafka's own included.
    errors = re.sub(
        r"Non-consecutive offsets in \S*?0*(\d+)\.log\n  -1 is followed by \1\n", "", done.stderr
    ).strip()
    if done.returncode or errors or complaints:
        detail = "\n".join([*complaints[:5], errors[-2000:]])
        raise RuntimeError(f"DumpLogSegments {' '.join(arguments)}: {detail}")
    return done.stdout


def check_partition(directory: Path) -> str:
    """Verify every file of a partition; a line that says what was read."""
    logs = sorted(directory.glob("*.log"))
    others = sorted([*directory.glob("*.index"), *directory.glob("*.timeindex")])
    printed = dump("--deep-iteration", "--files", ",".join(str(path) for path in logs))
    batches = re.findall(
        r"^baseOffset: (\d+) lastOffset: (\d+) count: (\d+).*isvalid: (\w+)", printed, re.MULTILINE
    )
    records = len(re.findall(r"^\| offset: ", printed, re.MULTILINE))
    expected = 0
    for base, last, _, valid in batches:
        if int(base) != expected or valid != "true":
            raise RuntimeError(f"{directory.name}: batch at {base}, expected {expected}, valid: {valid}")
        expected = int(last) + 1
    if records != expected:
        raise RuntimeError(f"{directory.name}: {records} records, expected {expected}")
    dump("--files", ",".join(str(path) for path in others))
    dump("--index-sanity-check", "--files", ",".join(str(path) for path in others))
    entries = sum(path.stat().st_size // 8 for path in directory.glob("*.index"))
    snapshots = sorted(directory.glob("*.snapshot"))
    producers = dump("--files", str(snapshots[-1]))
    known = sorted(set(re.findall(r"producerId: (\d+)", producers)))
    if known != ["5", "6", "7"] or int(snapshots[-1].stem) != expected:
        raise RuntimeError(f"{directory.name}: producers {known} in {snapshots[-1].name}")
    return (
        f"{directory.name}: {len(logs)} segments, {len(batches)} batches, {records} records, {entries} index entries, "
        f"producers {', '.join(known)}"
    )


def main() -> int:
    """Write, verify, report; 0 if Kafka's tool finds nothing wrong."""
    with tempfile.TemporaryDirectory(prefix="neuraxis-segments-") as name:
        directory = Path(name)
        write_directory(directory)
        for partition in sorted(directory.glob("topic-*")):
            sys.stdout.write(f"DumpLogSegments agrees with {check_partition(partition)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
