"""`neuraxis up` as a child process that can be killed, paused and started again on the same data and port."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

READY_TIMEOUT_S = 60.0  # a hundred times the budget of a start: the machine may have other work
STOP_TIMEOUT_S = 30.0


class OwnBrokerFailed(RuntimeError):
    """The broker did not start or did not stop; the message ends with the tail of its log."""


def free_port() -> int:
    """A free loopback port below the ephemeral range, so that no client socket takes it between two starts."""
    for port in random.sample(range(20_000, 32_000), 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OwnBrokerFailed("no free port between 20000 and 32000; stop what holds them: ss -ltnp")


class OwnBroker:
    """A broker of this package in a process of its own, with its data in `directory`; `options` as on the command line.

    `durability` and `options` may be changed between two starts.
    """

    def __init__(self, directory: Path, durability: str = "sync", options: Sequence[str] = ()) -> None:
        self.directory = directory
        self.durability = durability
        self.options = options
        self.port = free_port()
        self.log_path = directory / "broker.log"
        self.restarts_s: list[float] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Its process, None before the first start."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs, and before the first start."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start and wait until the port answers."""
        began = time.monotonic()
        command = [
            sys.executable, "-m", "neuraxis", "up", "--data-dir", str(self.directory / "data"), "--quiet",
            "--no-console", "--listener", f"PLAINTEXT://{self.bootstrap}", "--durability", self.durability,
            "--set", "group.initial.rebalance.delay.ms=0", *self.options,
        ]  # fmt: skip
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        while time.monotonic() - began < READY_TIMEOUT_S:
            if self._process.poll() is not None:
                raise OwnBrokerFailed(f"the broker ended with {self._process.returncode}:\n{self.log_tail()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.01)
                continue
            self.restarts_s.append(time.monotonic() - began)
            return
        self.kill()
        raise OwnBrokerFailed(f"the broker did not listen within {READY_TIMEOUT_S} s:\n{self.log_tail()}")

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: it holds its port and connections, and says nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM, also if it is paused; the exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self.resume()
            self._process.terminate()
        try:
            return self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise OwnBrokerFailed(
                f"the broker did not stop in {STOP_TIMEOUT_S} s of SIGTERM:\n{self.log_tail()}"
            ) from None

    def log_tail(self) -> str:
        """The end of its log."""
        return self.log_path.read_text(errors="replace")[-4000:] if self.log_path.exists() else ""

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            code = self.stop()
            if code != 0:
                raise OwnBrokerFailed(f"the clean stop ended with {code}:\n{self.log_tail()}")
        else:
            self.kill()
