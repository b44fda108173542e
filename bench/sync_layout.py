"""What does one durable commit cost when N partitions have new data? Four layouts of the log, measured in one run.

Question: `sync` acknowledges after a sync, and one sync must cover every partition that was written. Which layout
keeps the cost of a commit nearly flat from 1 to 1,000 active partitions?

Budget: sustained, the chosen layout at 1,000 partitions costs at most a tenth of syncing file by file.
Decision record: docs/decisions/0007-one-journal-for-sync.md.

A commit appends 4 KiB to each of N partitions and makes all of it durable:

- no sync: append to N segment files and stop there: the floor under every other column
- one by one: append to N segment files, fdatasync each in turn
- 8 threads: the same, with the fdatasync calls spread over eight threads
- syncfs: append to N segment files, one syncfs of the file system (all its dirty pages, other programs' too)
- journal: append to N segment files unsynced and to one journal, one fdatasync of the journal
- journal, preallocated: the same with the journal's blocks allocated before, so that its size does not change

Two tables. "Single": the order of the layouts alternates between rounds and everything dirty is flushed before each
commit, so no layout pays for another one's pages. "Sustained": each layout commits again and again without a pause, as
a loaded broker does, so that pages left unsynced come back as the file system's own write-back.

Run: `python -m bench.sync_layout [--rounds 15] [--directory DIR] [--json FILE]`.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ACTIVE_PARTITIONS = (1, 10, 100, 1_000)
BATCH = os.urandom(4096)  # one page: what a small producer batch costs the disk at least
THREADS = 8  # the most a small machine's disk queue rewards
JOURNAL_BYTES = 256 << 20  # preallocated; more than one run writes

LIBC = ctypes.CDLL(None, use_errno=True)


class Layouts:
    """N segment files and two journals in one folder, and the ways to commit a batch to each partition."""

    def __init__(self, folder: Path, partitions: int) -> None:
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        self.segments = [os.open(folder / f"{number:04}.log", flags, 0o644) for number in range(partitions)]
        self.journal = os.open(folder / "journal", flags, 0o644)
        self.preallocated = os.open(folder / "journal.preallocated", os.O_CREAT | os.O_WRONLY, 0o644)
        os.posix_fallocate(self.preallocated, 0, JOURNAL_BYTES)
        self.position = 0
        self.folder = os.open(folder, os.O_RDONLY)
        self.threads = ThreadPoolExecutor(THREADS)
        self.settle()

    def append(self) -> None:
        for segment in self.segments:
            os.write(segment, BATCH)

    def no_sync(self) -> None:
        self.append()

    def one_by_one(self) -> None:
        self.append()
        for segment in self.segments:
            os.fdatasync(segment)

    def eight_threads(self) -> None:
        self.append()
        for _ in self.threads.map(os.fdatasync, self.segments):
            pass

    def syncfs(self) -> None:
        self.append()
        if LIBC.syncfs(self.folder) != 0:
            raise OSError(ctypes.get_errno(), "syncfs")

    def one_journal(self) -> None:
        self.append()
        os.writev(self.journal, [BATCH] * min(len(self.segments), 1_000))  # 1,024 is the kernel's limit
        os.fdatasync(self.journal)

    def one_preallocated_journal(self) -> None:
        self.append()
        self.position += os.pwritev(
            self.preallocated, [BATCH] * min(len(self.segments), 1_000), self.position
        )
        os.fdatasync(self.preallocated)

    def settle(self) -> None:
        """Leave nothing dirty behind for the next layout to pay for."""
        os.sync()

    def close(self) -> None:
        self.threads.shutdown()
        for descriptor in [*self.segments, self.journal, self.preallocated, self.folder]:
            os.close(descriptor)


LAYOUTS: dict[str, Callable[[Layouts], None]] = {
    "no sync": Layouts.no_sync,
    "one by one": Layouts.one_by_one,
    "8 threads": Layouts.eight_threads,
    "syncfs": Layouts.syncfs,
    "journal": Layouts.one_journal,
    "journal, preallocated": Layouts.one_preallocated_journal,
}


def timed(layouts: Layouts, name: str) -> float:
    """Milliseconds of one commit."""
    start = time.perf_counter()
    LAYOUTS[name](layouts)
    return (time.perf_counter() - start) * 1_000


def measure_single(directory: Path, partitions: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of single commits, each from a clean page cache, by layout."""
    samples: dict[str, list[float]] = {name: [] for name in LAYOUTS}
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        layouts = Layouts(Path(folder), partitions)
        try:
            for name in LAYOUTS:  # warm-up: allocate blocks, fault in code
                timed(layouts, name)
            layouts.settle()
            names = list(LAYOUTS)
            for number in range(rounds):
                for name in names[number % len(names) :] + names[: number % len(names)]:
                    samples[name].append(timed(layouts, name))
                    layouts.settle()
        finally:
            layouts.close()
    return samples


def measure_sustained(directory: Path, partitions: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of commits that follow each other without a pause, by layout, each in a folder of its own."""
    samples: dict[str, list[float]] = {}
    for name in LAYOUTS:
        with tempfile.TemporaryDirectory(dir=directory) as folder:
            layouts = Layouts(Path(folder), partitions)
            try:
                timed(layouts, name)
                samples[name] = [timed(layouts, name) for _ in range(rounds)]
                layouts.settle()
            finally:
                layouts.close()
    return samples


def table(results: dict[int, dict[str, list[float]]]) -> str:
    """A Markdown table of medians (and the slowest commit), in milliseconds."""
    lines = ["| Active partitions | " + " | ".join(LAYOUTS) + " |", "|---" * (len(LAYOUTS) + 1) + "|"]
    for partitions, samples in results.items():
        cells = [f"{statistics.median(times):.2f} ({max(times):.1f})" for times in samples.values()]
        lines.append(f"| {partitions:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="commits measured per layout and size")
    parser.add_argument("--directory", type=Path, default=Path.cwd(), help="a folder on the disk to measure")
    parser.add_argument("--json", type=Path, help="write every sample here as well")
    options = parser.parse_args()
    results = {}
    for title, measure in (("Single", measure_single), ("Sustained", measure_sustained)):
        results[title] = {
            count: measure(options.directory, count, options.rounds) for count in ACTIVE_PARTITIONS
        }
        print(f"\n{title} commits\n\n{table(results[title])}")
        most = {
            name: statistics.median(times) for name, times in results[title][ACTIVE_PARTITIONS[-1]].items()
        }
        ratio = min(most["journal"], most["journal, preallocated"]) / most["one by one"]
        print(
            f"\nBudget: at 1,000 partitions the journal at 0.10x of one by one or less. Measured: {ratio:.3f}x."
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), "utf-8")


if __name__ == "__main__":
    main()
