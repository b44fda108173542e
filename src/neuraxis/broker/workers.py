"""The threads that perform works for the core, and the bell that wakes the server's loop when one is done.

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

from neuraxis.broker.work import perform

if TYPE_CHECKING:
    from neuraxis.broker.log.fs import Fs
    from neuraxis.broker.work import Work

logger = logging.getLogger("neuraxis.broker")

WORKERS_GRACE_S = 10.0
"""How long the end waits for works in flight; a sync that takes longer belongs to a disk that hangs."""
BACKGROUND_THREADS = 2


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


class Workers:
    """Threads that perform works: one for the syncs replies wait for, so that nothing queues before them, two for the rest."""

    def __init__(self, fs: Fs, wake: Wake) -> None:
        self._fs = fs
        self._wake = wake
        self._queues: tuple[queue.SimpleQueue[Work | None], ...] = (queue.SimpleQueue(), queue.SimpleQueue())
        self.results: deque[tuple[int, bytes | None, OSError | None]] = deque()
        plan = [self._queues[0], *[self._queues[1]] * BACKGROUND_THREADS]
        self._threads = [
            threading.Thread(target=self._run, args=(jobs,), name=f"neuraxis-work-{index}", daemon=True)
            for index, jobs in enumerate(plan)
        ]
        self._started = False

    def start(self) -> None:
        """Start the threads."""
        self._started = True
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work) -> None:
        """Perform a work on a thread; its result lands in `results` and the loop is woken."""
        self._queues[0 if work.kind == "sync" else 1].put(work)

    def stop(self) -> bool:
        """Let the threads finish what they have; whether all of them have ended."""
        if not self._started:
            return True
        for jobs, count in zip(self._queues, (1, BACKGROUND_THREADS), strict=True):
            for _ in range(count):
                jobs.put(None)
        deadline = time.monotonic() + WORKERS_GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, jobs: queue.SimpleQueue[Work | None]) -> None:
        while (work := jobs.get()) is not None:
            error: OSError | None = None
            result: bytes | None = None
            try:
                result = perform(self._fs, work)
            except OSError as failure:
                error = failure
            except Exception as failure:
                logger.exception("work %s failed", work.kind)
                error = OSError(f"work {work.kind} failed: {failure!r}")
            self.results.append((work.id, result, error))
            self._wake.ring()
