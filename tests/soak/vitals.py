"""What the broker's process costs while it lives: memory, threads, descriptors, and some of its metrics; and the judge.

A life is the time between two starts. What must hold: within the last, long life memory, threads and descriptors reach a
level and stay there; from life to life memory does not climb; and when all clients have gone, so have their descriptors.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from neuraxis.testing.history.verdict import Draft, Verdict

WARM_S = 30.0
"""After this age of a life its caches, sessions and pools have what they need."""
ENOUGH = 9
"""Samples of a life from which its thirds say something."""
MORE_BYTES = 12 << 20
MORE_SHARE = 1.15
"""What a third may have more than the one before: allocators keep what a burst needed. A leak of one soak shows as more."""
MORE_DESCRIPTORS = 24
"""As many connections as all clients of a soak may open anew at once."""
SPARE_SOCKETS = 6
"""More than an idle broker at its first start: the scrape that looks, and connections whose end is on its way."""
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the process. `at_s` since the soak began, `age_s` since this life began; `rss` in bytes."""

    at_s: float
    life: int
    age_s: float
    rss: int
    threads: int
    sockets: int
    files: int
    deleted: int
    cpu_s: float


def look(pid: int, at_s: float, life: int, age_s: float) -> Sample:
    """Look at a process. Raises OSError if it is gone."""
    root = Path("/proc") / str(pid)
    status = (root / "status").read_text()
    targets = []
    for entry in os.listdir(root / "fd"):
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            targets.append(os.readlink(root / "fd" / entry))
    fields = (root / "stat").read_text().rsplit(")", 1)[1].split()
    return Sample(
        at_s=at_s,
        life=life,
        age_s=age_s,
        rss=_number(status, "VmRSS") * 1024,
        threads=_number(status, "Threads"),
        sockets=sum(target.startswith("socket:") for target in targets),
        files=sum(target.startswith("/") for target in targets),
        deleted=sum(target.endswith("(deleted)") for target in targets),
        cpu_s=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
    )


def _number(status: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    if found is None:
        raise ProcessLookupError(f"the process has no {name}: it is gone")
    return int(found[1])


def metrics_of(text: str, names: Sequence[str]) -> dict[str, float]:
    """The sums over all labels of some metrics of a page."""
    found = dict.fromkeys(names, 0.0)
    for line in text.splitlines():
        name = re.split(r"[{ ]", line, maxsplit=1)[0]
        if name in found:
            found[name] += float(line.rsplit(" ", 1)[1])
    return found


PASSES, UNCLEANABLE = "neuraxis_compaction_passes_total", "neuraxis_uncleanable_partitions"


class Vitals(threading.Thread):
    """Looks at the broker every few seconds, and whenever it is asked to."""

    def __init__(self, pid_of: Callable[[], int | None], metrics_url: str, every_s: float) -> None:
        super().__init__(name="soak-vitals", daemon=True)
        self.pid_of = pid_of
        self.metrics_url = metrics_url
        self.every_s = every_s
        self.halt = threading.Event()
        self.began = time.monotonic()
        self.life_began = self.began
        self.life = 0
        self.is_down = False  # it was killed, and does not answer yet
        self.samples: list[Sample] = []
        self.idle: Sample | None = None
        self.last: Sample | None = None
        self.passes: dict[int, float] = {}
        self.uncleanable = 0.0
        self._lock = threading.Lock()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.halt.wait(self.every_s):
            self.look()

    def reborn(self) -> None:
        """The broker was started again."""
        with self._lock:
            self.life += 1
            self.is_down = False
            self.life_began = time.monotonic()

    def look(self) -> Sample | None:
        """One sample; None while there is no process to look at."""
        with self._lock:
            pid, moment = self.pid_of(), time.monotonic()
            if pid is None or self.is_down:
                return None
            try:
                sample = look(pid, moment - self.began, self.life, moment - self.life_began)
            except OSError:  # it was killed a moment ago
                return None
            self.samples.append(sample)
            life = self.life
        with contextlib.suppress(OSError, urllib.error.URLError):  # it is paused, or was killed a moment ago
            with urllib.request.urlopen(self.metrics_url, timeout=4) as page:
                found = metrics_of(page.read().decode(), [PASSES, UNCLEANABLE])
            self.passes[life] = max(found[PASSES], self.passes.get(life, 0.0))
            self.uncleanable = max(found[UNCLEANABLE], self.uncleanable)
        return sample

    def judge(self) -> list[Verdict]:
        """After the last client has gone and the last look was taken."""
        return [
            memory(self.samples),
            descriptors(self.samples, self.idle, self.last),
            compaction(self.passes, self.uncleanable),
        ]


def memory(samples: Sequence[Sample]) -> Verdict:
    """Memory and threads of the last life level off, and memory does not climb from life to life."""
    draft = Draft("memory", "samples of the process", checked=len(samples))
    thirds = _thirds(_last_life(samples))
    if thirds is None:
        return draft.done("", open_question="the last life was too short to say")
    middle, late = (median(sample.rss for sample in third) for third in thirds[1:])
    if late > middle * MORE_SHARE and late > middle + MORE_BYTES:
        draft.finding(
            f"memory grows: {middle / MIB:.1f} MiB in the second third of the last life, {late / MIB:.1f} after"
        )
    threads = [median(sample.threads for sample in third) for third in thirds]
    if threads[2] > threads[1] + 4:
        draft.finding(f"threads grow: {threads}")
    young = {}
    for sample in samples:
        if sample.age_s < WARM_S:
            young[sample.life] = sample.rss  # the last of each life's youth
    lives = [young[life] for life in sorted(young)][:-1]  # the last life ends otherwise than by a kill
    if len(lives) >= ENOUGH:
        first, last = median(lives[: len(lives) // 3]), median(lives[-(len(lives) // 3) :])
        if last > first * 1.5 and last > first + 2 * MORE_BYTES:
            draft.finding(
                f"memory after a start grows: {first / MIB:.1f} MiB in early lives, {last / MIB:.1f} in late ones"
            )
    return draft.done("nobody looked")


def descriptors(samples: Sequence[Sample], idle: Sample | None, last: Sample | None) -> Verdict:
    """Descriptors of the last life level off; when all clients have gone, only those of an idle broker are left."""
    draft = Draft("descriptors", "samples of the process", checked=len(samples))
    if idle is None or last is None:
        return draft.done("", open_question="nobody looked before the clients came or after they had gone")
    if last.sockets > idle.sockets + SPARE_SOCKETS:
        draft.finding(
            f"{last.sockets} sockets are left after all clients, {idle.sockets} were there before them"
        )
    if last.deleted:
        draft.finding(f"{last.deleted} deleted files are still open at the end")
    thirds = _thirds(_last_life(samples))
    if thirds is not None:
        middle, late = (median(sample.sockets + sample.files for sample in third) for third in thirds[1:])
        if late > middle + MORE_DESCRIPTORS:
            draft.finding(
                f"descriptors grow: {middle:.0f} in the second third of the last life, {late:.0f} after"
            )
    return draft.done("nobody looked")


def compaction(passes: Mapping[int, float], uncleanable: float) -> Verdict:
    """Compaction really happened, and nothing was given up."""
    draft = Draft("compaction", "passes of compaction", checked=int(sum(passes.values())))
    if uncleanable:
        draft.finding(f"{uncleanable:.0f} logs were given up as damaged")
    return draft.done("compaction never made a pass")


def _last_life(samples: Sequence[Sample]) -> list[Sample]:
    life = max((sample.life for sample in samples), default=0)
    return [sample for sample in samples if sample.life == life and sample.age_s >= WARM_S]


def _thirds(samples: Sequence[Sample]) -> list[Sequence[Sample]] | None:
    if len(samples) < ENOUGH:
        return None
    size = len(samples) // 3
    return [samples[:size], samples[size : 2 * size], samples[2 * size :]]
