"""`neuraxis up` as a child process that can be killed and started again on the same port and data."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

START_TIMEOUT_S = 20.0  # it takes well under a second; a machine under load may take some


class BrokerFailed(RuntimeError):
    """The broker did not come up; the message ends with what it said."""


class Broker:
    """One broker. `kill` is SIGKILL: no goodbye, no flush, no clean-up."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.log = directory / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and wait until it listens; returns the seconds that took."""
        script = Path(sys.executable).parent / "neuraxis"
        command = [str(script), "up", "--data-dir", str(self.directory / "data")]
        command += ["--listener", f"PLAINTEXT://{self.bootstrap}", "--no-console"]
        started = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() - started > START_TIMEOUT_S:
                raise BrokerFailed(
                    f"the broker did not start:\n{self.log.read_text(errors='replace')[-2000:]}"
                )
            time.sleep(0.01)
        return time.monotonic() - started

    def kill(self) -> None:
        """End it without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Stop it cleanly."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True
