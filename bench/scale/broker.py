"""The broker that is measured, and what can be read of its process: CPU time, memory, descriptors."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from compat.brokers import Neuraxis, free_port

PROCESS_CLOCK = (
    2  # of the scheduler: user and system time of all threads, to the nanosecond (linux/posix-timers.h)
)
SETTINGS = {"neuraxis.busy.poll.us": "0", "log.retention.ms": "-1"}
"""It never waits awake, so what it burns is what requests cost; and no record is too old, whatever its timestamp."""


class Measured(Neuraxis):
    """A broker to be measured. With certificates it listens for TLS, too."""

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        durability: str = "os",
        keystore: Path | None = None,
    ) -> None:
        super().__init__({**SETTINGS, **(settings or {})}, durability=durability)
        self.keystore = keystore
        self.tls_port = free_port() if keystore is not None else 0

    def command(self) -> Sequence[str]:
        """Return the command of `Neuraxis`, with a second listener for TLS if there is a keystore."""
        command = [*super().command()]
        if self.keystore is not None:
            command += ["--listener", f"SSL://127.0.0.1:{self.tls_port}"]
            command += ["--set", f"ssl.keystore.location={self.keystore}"]
        return command

    def cpu_ns(self) -> int:
        """Return the CPU time the process has used so far, all threads, user and system, nanoseconds."""
        return time.clock_gettime_ns(~self.pid << 3 | PROCESS_CLOCK)

    def memory_bytes(self) -> int:
        """Return the process's share of the memory it uses (PSS), bytes."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the system does not tell a process's share of memory")

    def descriptors(self) -> int:
        """Return how many file descriptors the process has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def idle_share(self, seconds: float) -> float:
        """Return the share of one core that the process uses while nobody asks anything, in percent."""
        before = self.cpu_ns()
        time.sleep(seconds)
        return (self.cpu_ns() - before) / seconds / 1e7


def settled(broker: Measured, timeout_s: float = 300) -> None:
    """Wait until the broker uses next to no CPU: what was begun before is over, and be it the sync of ten thousand files."""
    until = time.monotonic() + timeout_s
    while broker.idle_share(0.5) > 0.4 and time.monotonic() < until:
        pass
