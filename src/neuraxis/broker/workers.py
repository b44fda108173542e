"""The threads that perform works for the core, the bell that wakes the server's loop, and the writer of the audit log.

One of the few places where the outside world begins (`pyproject.toml`, purity): nothing of the core is touched here.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from neuraxis.broker.authorisation.audit import dropped_line, line
from neuraxis.broker.log.cold import READ
from neuraxis.broker.metrics.counters import Histogram
from neuraxis.broker.work import perform

if TYPE_CHECKING:
    from neuraxis.broker.authorisation.audit import Audit
    from neuraxis.broker.log.fs import Fs
    from neuraxis.broker.node import Node
    from neuraxis.broker.work import Work

logger = logging.getLogger("neuraxis.broker")

WORKERS_GRACE_S = 10.0
"""How long the end waits for works in flight; a sync that takes longer belongs to a disk that hangs."""
BACKGROUND_THREADS = 2
LOGIN_THREADS = 2
"""Of their own, so that strangers who guess passwords keep neither syncs nor reads waiting; they start with the first login."""
READ_THREADS = 4
"""Of their own, so that a cold read waits neither for compaction nor for the three before it; they start with the first."""
QUICK_SYNC_NS = 1_000_000
"""A sync this short costs the loop less than two threads that wake each other."""
SLOW_SYNC_FACTOR = 20
"""After a sync that was not quick the loop leaves syncs to the thread for so many times its length, times how often it is
a quick one: syncs of 2 ms hold the loop for a fortieth of the time at most, stalls of 50 ms for a thousandth."""
AUDIT_PERIOD_S = 0.2
"""How often the audit log is written: what a crash may lose of it, and a hundredth of what its queue holds at most."""


class Wake:
    """Wakes the loop from any thread. A number once closed is never written to: it may be another file's by then."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.RLock()  # re-entrant: a signal handler may ring while its thread is in here

    def ring(self) -> None:
        """Let the loop's poll return."""
        with self._lock:
            if self.fd >= 0:
                os.eventfd_write(self.fd, 1)

    def clear(self) -> None:
        """Forget the rings so far."""
        os.eventfd_read(self.fd)

    def close(self) -> None:
        """From now on ringing does nothing."""
        with self._lock:
            if self.fd >= 0:
                os.close(self.fd)
                self.fd = -1


class _Crew:
    """Threads for one kind of work, which most brokers never need."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.jobs: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self.threads: list[threading.Thread] = []


class Workers:
    """Threads that perform works: one for the syncs replies wait for, so that nothing queues before them, two for logins,
    four for cold reads, two for the rest."""

    def __init__(self, fs: Fs, wake: Wake) -> None:
        self._fs = fs
        self._wake = wake
        self._queues: tuple[queue.SimpleQueue[Work | None], ...] = (queue.SimpleQueue(), queue.SimpleQueue())
        self._crews = {"login": _Crew(LOGIN_THREADS), READ: _Crew(READ_THREADS)}
        self.results: deque[tuple[int, bytes | None, OSError | None]] = deque()
        plan = [self._queues[0], *[self._queues[1]] * BACKGROUND_THREADS]
        self._times: list[dict[str, Histogram]] = []  # by kind of work; each thread writes its own
        self._threads = [
            threading.Thread(target=self._run, args=(jobs,), name=f"neuraxis-work-{index}", daemon=True)
            for index, jobs in enumerate(plan)
        ]
        self.in_flight = 0  # works whose results the loop has not taken: it counts them down
        self._started = False
        self._here: dict[str, Histogram] = {}  # of what the loop did itself
        self._times.append(self._here)
        self._last_sync_ns = QUICK_SYNC_NS + 1  # unknown: the thread tries first
        self._not_here_until_ns = 0

    def start(self) -> None:
        """Start the threads."""
        self._started = True
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work) -> None:
        """Perform a work on a thread; its result lands in `results` and the loop is woken."""
        self.in_flight += 1
        crew = self._crews.get(work.kind)
        if crew is None:
            self._queues[0 if work.kind == "sync" else 1].put(work)
            return
        if not crew.threads:
            self._engage(crew, work.kind)
        crew.jobs.put(work)

    def do_here(self, work: Work, now_ns: int) -> bool:
        """Do a sync on the loop's own thread if the disk has been quick, nothing is in flight; whether it was done.

        Two threads that wake each other cost a lone client as much as the sync itself.
        """
        if self.in_flight or self._last_sync_ns > QUICK_SYNC_NS or now_ns < self._not_here_until_ns:
            return False
        self.in_flight += 1
        took_ns = self._perform(work, self._here)
        self._last_sync_ns = took_ns
        if took_ns > QUICK_SYNC_NS:
            self._not_here_until_ns = now_ns + took_ns * SLOW_SYNC_FACTOR * took_ns // QUICK_SYNC_NS
        return True

    def _engage(self, crew: _Crew, kind: str) -> None:
        for index in range(crew.most):
            name = f"neuraxis-{kind}-{index}"
            thread = threading.Thread(target=self._run, args=(crew.jobs,), name=name, daemon=True)
            crew.threads.append(thread)
            thread.start()

    def stop(self) -> bool:
        """Let the threads finish what they have; whether all of them have ended."""
        if not self._started:
            return True
        for jobs, count in zip(self._queues, (1, BACKGROUND_THREADS), strict=True):
            for _ in range(count):
                jobs.put(None)
        for crew in self._crews.values():
            for _ in crew.threads:
                crew.jobs.put(None)
        deadline = time.monotonic() + WORKERS_GRACE_S
        # Nobody waits for a login any more, least of all for a key server.
        threads = [*self._threads, *self._crews[READ].threads]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def times(self) -> dict[str, Histogram]:
        """How long works of each kind took, in nanoseconds. A work that ends meanwhile may be counted in part."""
        found: dict[str, Histogram] = {}
        for times in list(self._times):
            for kind, histogram in list(times.items()):
                found.setdefault(kind, Histogram()).take(histogram)
        return found

    def _run(self, jobs: queue.SimpleQueue[Work | None]) -> None:
        times: dict[str, Histogram] = {}
        self._times.append(times)
        while (work := jobs.get()) is not None:
            took_ns = self._perform(work, times)
            if work.kind == "sync":
                self._last_sync_ns = took_ns
            self._wake.ring()

    def _perform(self, work: Work, times: dict[str, Histogram]) -> int:
        """Do a work and leave its result; return how long it took."""
        error: OSError | None = None
        result: bytes | None = None
        began_ns = time.monotonic_ns()
        try:
            result = perform(self._fs, work)
        except OSError as failure:
            error = failure
        except Exception as failure:
            logger.exception("work %s failed", work.kind)
            error = OSError(f"work {work.kind} failed: {failure!r}")
        took_ns = time.monotonic_ns() - began_ns
        times.setdefault(work.kind, Histogram()).add(took_ns)
        self.results.append((work.id, result, error))
        return took_ns


class AuditLog:
    """Writes the audit events as JSON lines, in a thread of its own: who is denied never waits for the disk.

    A file that would grow past `max_bytes` becomes `path.1`, the one before `path.2`, up to `files` in all. When nothing can
    be written (a full disk), the events are lost; the next line that can be written says how many.
    """

    def __init__(self, audit: Audit, path: str, max_bytes: int, files: int) -> None:
        self._audit = audit
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self._told = 0
        self._lost = 0
        self._failing = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="neuraxis-audit", daemon=True)

    def start(self) -> None:
        """Begin. Raises OSError when the file cannot be written."""
        try:
            os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
            os.close(self._open())
        except OSError as error:
            what = f"the audit log {self._path} cannot be written: {error.strerror}"
            raise OSError(error.errno, f"{what}; choose another neuraxis.audit.log.path") from error
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(WORKERS_GRACE_S)

    def _run(self) -> None:
        last = False
        while not last:
            last = self._end.wait(AUDIT_PERIOD_S)
            self._round()

    def _round(self) -> None:
        events = self._audit.take()
        missing = self._audit.dropped + self._lost - self._told
        lines = [line(event) for event in events]
        if missing:
            lines.append(dropped_line(time.time_ns() // 1_000_000, missing))
        if not lines:
            return
        try:
            self._write(lines)
        except OSError as error:
            self._lost += len(events)
            if not self._failing:
                logger.error("the audit log cannot be written: %s; what happens now is not in it", error)
            self._failing = True
        else:
            self._told += missing
            self._failing = False

    def _write(self, lines: list[str]) -> None:
        waiting = [each.encode() for each in lines]
        while waiting:
            with open(self._open(), "ab", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                while waiting and (not size or size + len(waiting[0]) <= self._max_bytes):
                    data = waiting.pop(0)
                    size += len(data)
                    while data:
                        data = data[file.write(data) :]
            if waiting:
                self._rotate()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _rotate(self) -> None:
        names = [self._path, *(f"{self._path}.{number}" for number in range(1, self._files))]
        for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
            if os.path.exists(newer):
                os.replace(newer, older)
        if len(names) == 1:
            os.remove(self._path)


def open_audit_log(node: Node) -> AuditLog | None:
    """Begin to write the audit log that the node's configs ask for, if any. Raises OSError with the file's name."""
    if node.audit is None:
        return None
    settings = node.settings
    log = AuditLog(
        node.audit,
        settings.string("neuraxis.audit.log.path"),
        settings.integer("neuraxis.audit.log.max.bytes"),
        settings.integer("neuraxis.audit.log.files"),
    )
    log.start()
    return log
