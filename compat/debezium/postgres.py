"""A PostgreSQL server of our own: made in a temporary directory, served on loopback, stopped by its pid.

The rule of the file: it runs as an unprivileged user (PostgreSQL refuses to run as root), and nobody's data are in it, so
that it trusts who connects and does not wait for its disk.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from compat.brokers import BrokerFailed, free_port

UNPRIVILEGED = (
    "nobody"  # on every system; Debian's own user `postgres` may be missing where only the client is
)
SETTINGS = ("listen_addresses=127.0.0.1", "wal_level=logical", "fsync=off", "max_wal_senders=4")
START_S = 60  # on a machine that other things use; a second is usual


def binaries() -> Path:
    """Return the directory of the newest server that Debian's packages installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise BrokerFailed("the suite needs a PostgreSQL server: apt-get install postgresql")
    return found[-1].parent


def version() -> str:
    """Return the server's version."""
    command = [str(binaries() / "postgres"), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[2]


class Postgres:
    """One server with one superuser `postgres`; a context manager. `log_path` is kept."""

    def __init__(self, log_path: Path) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = free_port()
        self.log_path = log_path
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if self._user is not None:
            shutil.chown(self.directory, self._user)
        data = self.directory / "data"
        made = subprocess.run(
            [
                str(binaries() / "initdb"),
                "-D",
                str(data),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "-N",
            ],
            capture_output=True,
            text=True,
            user=self._user,
            cwd=self.directory,
            check=False,
        )
        if made.returncode != 0:
            raise BrokerFailed(f"initdb failed:\n{made.stderr[-2000:]}")
        settings = [f"port={self.port}", f"unix_socket_directories={self.directory}", *SETTINGS]
        command = [str(binaries() / "postgres"), "-D", str(data)]
        for setting in settings:
            command += ["-c", setting]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self._user, cwd=self.directory
            )
        deadline = time.monotonic() + START_S
        while subprocess.run(self._client("SELECT 1"), capture_output=True, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise BrokerFailed(f"PostgreSQL did not start: see {self.log_path}")
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the server, disconnecting who is connected, and remove its data."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)  # PostgreSQL's "fast shutdown"
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)  # "immediate": its children end, too
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _client(self, statements: str) -> list[str]:
        command = [str(binaries() / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        return [*command, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statements]

    def execute(self, *statements: str) -> str:
        """Execute statements in one transaction in a connection of their own; return what they print."""
        done = subprocess.run(
            self._client("; ".join(statements)), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise BrokerFailed(f"PostgreSQL refused {statements[0]!r}: {done.stderr[-500:]}")
        return done.stdout.strip()
