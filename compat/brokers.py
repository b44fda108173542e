"""A broker as a child process: start, wait until ready, stop, kill, pause; one interface for Neuraxis and Apache Kafka.

The rule of the file: a suite or a benchmark never knows which broker it talks to. It gets a bootstrap string, a pid
and a log file, and everything configurable travels under Kafka's own configuration names.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

REPOSITORY = Path(__file__).resolve().parent.parent

# What the suites assume of a broker; both targets get the same. num.partitions: kafka-python wants 4; the
# group settings: rebalances in tests must not wait three seconds each.
SUITE_SETTINGS: Mapping[str, str] = {
    "num.partitions": "4",
    "auto.create.topics.enable": "true",
    "group.initial.rebalance.delay.ms": "0",
}


class BrokerFailed(RuntimeError):
    """The broker did not come up, or did not go down; the message ends with the tail of its log."""


def free_port(count: int = 1) -> int:
    """Return the first of `count` consecutive free loopback ports.

    Below 32768, the start of Linux's ephemeral range: a port inside it can be taken by any outgoing connection
    between the moment it is chosen and the moment the broker binds it.
    """
    for _ in range(
        200
    ):  # 200 draws from 10,000 ports: failing all of them means the machine has no free port
        first = random.randrange(21000, 31000)
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + count):
                    probe = held.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise BrokerFailed("no free loopback port between 21000 and 31000: stop what holds them and try again")


class BrokerProcess:
    """One broker in a child process and its data directory; subclasses say how it is formatted and started.

    Use it as a context manager, or call `start` and `stop`. `restart` keeps the data. A data directory given by the
    caller is left alone at the end; one of our own is removed.
    """

    name = "broker"
    start_timeout_s = 60.0  # Kafka needs up to 20 s after a SIGKILL: its old registration must expire first

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        data_dir: Path | None = None,
        port: int | None = None,
    ) -> None:
        self.settings = dict(settings or {})
        self._own_directory = data_dir is None
        self.directory = data_dir or Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port(2)
        self.advertised_port: int | None = None  # where clients are told to go, if not to `port`
        self.log_path = self.directory / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.started_at_s = 0.0  # monotonic, just before the process was spawned
        self.listening_after_s = 0.0

    @property
    def bootstrap(self) -> str:
        """The bootstrap string, `127.0.0.1:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        if self._process is None:
            raise BrokerFailed(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the child process is alive."""
        return self._process is not None and self._process.poll() is None

    def command(self) -> Sequence[str]:
        """Return the command line that serves in the foreground."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Format the data directory when it needs it; called before every start."""

    def ready(self) -> bool:
        """Return whether the broker serves; called about every 5 ms while it starts."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def environment(self) -> dict[str, str]:
        """Return the environment of the child."""
        return dict(os.environ)

    def start(self, *, wait: bool = True) -> Self:
        """Start the broker and, unless told otherwise, wait until it serves."""
        if self.running:
            raise BrokerFailed(f"{self.name} is already running as pid {self.pid}")
        self.prepare()
        with self.log_path.open("ab") as log:
            self.started_at_s = time.monotonic()
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment()
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Wait until the broker serves; raise with the tail of its log when it dies or takes too long."""
        deadline = time.monotonic() + self.start_timeout_s
        while not self.ready():
            if not self.running:
                raise BrokerFailed(f"{self.name} exited while starting:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise BrokerFailed(
                    f"{self.name} not ready in {self.start_timeout_s:.0f} s:\n{self.log_tail()}"
                )
            time.sleep(0.005)
        self.listening_after_s = time.monotonic() - self.started_at_s

    def terminate(self, timeout_s: float = 30.0) -> None:
        """Stop cleanly by SIGTERM and wait; kill and raise after `timeout_s`."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)  # a paused broker could not hear SIGTERM
            process.terminate()
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
                raise BrokerFailed(
                    f"{self.name} did not stop in {timeout_s:.0f} s of SIGTERM:\n{self.log_tail()}"
                ) from None
        self._process = None

    def kill(self) -> None:
        """SIGKILL the broker and reap it; its data stay."""
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        self._process = None

    def restart(self, *, hard: bool = False) -> None:
        """Stop (by SIGKILL when `hard`) and start again on the same data and port."""
        if hard:
            self.kill()
        else:
            self.terminate()
        self.start()

    def pause(self) -> None:
        """SIGSTOP the broker, so that it takes no CPU while another one is measured."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT a paused broker."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stop the broker and remove the data directory if it is our own."""
        try:
            self.terminate()
        finally:
            if self._own_directory:
                shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self, lines: int = 30) -> str:
        """Return the last lines of the broker's log."""
        if not self.log_path.exists():
            return "(no log)"
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Neuraxis(BrokerProcess):
    """`neuraxis up` of this working tree in a child process."""

    name = "neuraxis"
    start_timeout_s = 60.0  # a hundred times the budget of half a second: the machine may have other work

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        durability: str = "os",
        data_dir: Path | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(settings, data_dir=data_dir, port=port)
        self.durability = durability

    def command(self) -> Sequence[str]:
        """Return `neuraxis up` with the data directory, listener, policy and settings."""
        command = [
            str(Path(sys.executable).parent / "neuraxis"),
            "up",
            "--data-dir",
            str(self.directory / "data"),
            "--listener",
            f"PLAINTEXT://127.0.0.1:{self.port}",
            "--durability",
            self.durability,
            "--no-console",
        ]
        if self.advertised_port is not None:
            command += ["--advertised", f"127.0.0.1:{self.advertised_port}"]
        for name, value in self.settings.items():
            command += ["--set", f"{name}={value}"]
        return command


def start_target(
    target: str, settings: Mapping[str, str] | None = None, *, durability: str = "os"
) -> BrokerProcess:
    """Return an unstarted broker for `neuraxis` or `kafka`, with the same Kafka settings for either."""
    if target == "neuraxis":
        return Neuraxis(settings, durability=durability)
    if target == "kafka":
        from compat.kafka import ApacheKafka  # here, because compat.kafka imports this module

        return ApacheKafka(settings)
    raise ValueError(f"unknown target {target!r}: choose neuraxis or kafka")
