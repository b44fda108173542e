"""A Java program beside the broker: compile it, start it with a small heap, wait, SIGTERM it, SIGKILL it.

The rule of the file: a program is stopped by its own pid, and everything it says is kept in one log across its restarts.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from compat.brokers import REPOSITORY, BrokerFailed
from compat.kafka import log4j_config
from compat.programs import build

# A program that lives for a minute on a machine that other things use: start fast, keep off the cores.
SMALL_FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


def compile_java(name: str, source: Path, libs: Path) -> Path:
    """Compile one source file into `.cache/<name>` when it changed; return that directory."""
    if shutil.which("javac") is None:
        raise BrokerFailed(f"{name} needs a JDK 17 and Maven: apt-get install openjdk-17-jdk-headless maven")
    classes = REPOSITORY / ".cache" / name
    compiled = classes / f"{source.stem}.class"
    if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
        classes.mkdir(parents=True, exist_ok=True)
        build(
            ["javac", "-Xlint:all,-try", "-cp", f"{libs}/*", "-d", str(classes), str(source)], source.parent
        )
    return classes


def java_command(
    class_path: Sequence[Path | str], main: str, *arguments: str, heap: str = "256M", level: str = "WARN"
) -> list[str]:
    """Return the command line of a Java program that logs at `level` to standard output."""
    return [
        "java",
        f"-Xmx{heap}",
        *SMALL_FLAGS,
        f"-Dlog4j2.configurationFile={log4j_config(level)}",
        *("-cp", ":".join(map(str, class_path))),
        main,
        *arguments,
    ]


class JavaProcess:
    """One Java program in a child process; `start` after `kill` or `terminate` starts it anew on the same log."""

    def __init__(self, name: str, command: Sequence[str], log_path: Path) -> None:
        self.name = name
        self.command = list(command)
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the child process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def ended(self) -> bool:
        """Whether it was started and then ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> Self:
        """Start the program; it does not wait for anything."""
        assert not self.running, f"{self.name} is already running"
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        return self

    def kill(self) -> None:
        """SIGKILL the program and reap it."""
        self._end(signal.SIGKILL, timeout_s=30)

    def terminate(self, timeout_s: float = 60) -> None:
        """SIGTERM the program and wait for it; a program that does not end is killed, and that is an error."""
        self._end(signal.SIGTERM, timeout_s)

    def _end(self, number: signal.Signals, timeout_s: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(
                f"{self.name} did not end in {timeout_s:.0f} s: see {self.log_path}"
            ) from None

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
