"""SIGKILL a broker again and again while a suite runs, and start it anew on the same data and port.

The rule of the file: the broker is up when the suite begins and up when it ends, and how often it was killed is told.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from compat.brokers import BrokerFailed, BrokerProcess


class Restarts:
    """A thread that kills the broker `up_s` after it serves, and starts it anew at once; a context manager.

    `up_s` counts from readiness, so that a broker that takes long to start is not killed before it has served.
    """

    def __init__(self, broker: BrokerProcess, up_s: float) -> None:
        self.broker = broker
        self.up_s = up_s
        self.kills = 0
        self.slowest_start_s = 0.0
        self.failure = ""
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="restarts", daemon=True)

    def _run(self) -> None:
        while not self._halt.wait(self.up_s):
            if not self.broker.running:
                self.failure = (
                    f"the broker died by itself after {self.kills} kills:\n{self.broker.log_tail()}"
                )
                return
            try:
                began = time.monotonic()
                self.broker.restart(hard=True)
            except BrokerFailed as error:
                self.failure = f"it did not come back after {self.kills + 1} kills: {error}"
                return
            self.kills += 1
            self.slowest_start_s = max(self.slowest_start_s, time.monotonic() - began)

    def note(self) -> str:
        """Return what happened, in one sentence."""
        told = f"killed {self.kills} times, {self.up_s:.0f} s after each start, slowest restart {self.slowest_start_s:.1f} s"
        return f"{told}; {self.failure}" if self.failure else told

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._halt.set()
        self._thread.join()
