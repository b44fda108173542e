"""A day of steady load on a clock that we move: memory by owner and of the process, hour by hour.

The core, its log, groups, transactions, quotas and sessions are the real ones, their files on the system's own memory disk;
every expiry is ten minutes, so that a day has room for 144 of them.
"""

from __future__ import annotations

import gc
import logging
import tempfile
import time
from pathlib import Path

from bench.scale.figures import Curve, Figures, Say
from bench.scale.load_of_a_day import STEP_MS, Day
from bench.scale.weight import by_owner
from neuraxis.broker.log.fs import DiskFs

MEMORY_DISK = "/dev/shm"  # a new directory in it, for which a real disk would be too slow
HOURS = 24
STEPS_PER_HOUR = 3_600_000 // STEP_MS
SETTLED_HOURS = 2
"""What expires first after ten minutes, and files that are deleted later still, have come to their level by then."""
GROWTH = 1.05
"""Tables grow in steps, and an hour ends at another place of their step than the hour before."""
KB = 1000


def resident_bytes() -> int:
    """Return the memory of this process, which holds the broker."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not tell a process's share of memory")


def measure(say: Say) -> Figures:
    """Let a day pass."""
    logging.getLogger("neuraxis.broker").setLevel(logging.ERROR)  # it names each stranger
    with tempfile.TemporaryDirectory(prefix="scale-", dir=MEMORY_DISK) as directory:
        return _measure(Day(DiskFs(directory)), say)


def _measure(day: Day, say: Say) -> Figures:
    figures = Figures()
    used_s = time.process_time()
    curve = Curve("A day of steady load", "hours", list(range(1, HOURS + 1)), "MB", must_be_flat=False)
    weights: list[dict[str, int]] = []
    for hour in range(1, HOURS + 1):
        for _ in range(STEPS_PER_HOUR):
            day.step()
        gc.collect()
        weights.append(by_owner(day.broker.core))
        curve.add("the core, by weight", sum(weights[-1].values()) / KB / KB)
        curve.add("the process", resident_bytes() / KB / KB)
        say(f"hour {hour}: {sum(weights[-1].values()) / KB:.0f} kB")
    settled, last = weights[SETTLED_HOURS - 1], weights[-1]
    for name, values in curve.lines.items():
        times = values[-1] / values[SETTLED_HOURS - 1]
        figures.must(f"memory after {HOURS} hours against {SETTLED_HOURS} hours: {name}", times, GROWTH, "x")
    grown = max(settled, key=lambda name: last[name] - settled[name])
    grown_kb = (last[grown] - settled[grown]) / KB
    figures.tell(f"growth since hour {SETTLED_HOURS} of the owner that grew most, {grown}", grown_kb, "kB")
    figures.tell("CPU of the broker and its clients for the day", time.process_time() - used_s, "s")
    figures.curves.append(curve)
    return figures
