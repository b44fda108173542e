"""compat/jvm.py: a program is killed and started again on one log."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from compat.jvm import JavaProcess
from compat.scripted import wait_until

SAYS = "print('up', flush=True); import signal; signal.pause()"


def program(tmp_path: Path, text: str) -> JavaProcess:
    return JavaProcess("program", [sys.executable, "-c", text], tmp_path / "log")


def test_a_killed_program_starts_again_on_the_same_log(tmp_path: Path) -> None:
    process = program(tmp_path, SAYS)
    for times in (1, 2):
        process.start()
        wait_until("it is up", lambda times=times: process.log_path.read_text() == "up\n" * times)  # type: ignore[misc]  # a default binds the loop's value
        process.kill()
        assert not process.running


def test_a_program_that_does_not_hear_sigterm_is_killed_and_that_is_an_error(tmp_path: Path) -> None:
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SAYS}"
    process = program(tmp_path, deaf).start()
    wait_until("it is up", lambda: process.log_path.read_text() == "up\n")
    with pytest.raises(AssertionError, match="did not end in 0 s"):
        process.terminate(timeout_s=0.05)
    assert not process.running
