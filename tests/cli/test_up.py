"""`neuraxis up`: listeners and settings from words, the start screen, a clean stop, and what it says when it cannot start."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from neuraxis.cli.up import parse_listener

PATIENCE_S = 20


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`neuraxis up` as a child; stopped if the test has not stopped it, its pipes closed."""
    command = [sys.executable, "-m", "neuraxis", "up", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_screen(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Stop with Ctrl-C" in line:
            return "".join(lines)
    raise AssertionError("".join(lines) + (process.stderr.read() if process.stderr else ""))


def test_a_listener_is_protocol_host_and_port_and_advertises_itself() -> None:
    found = parse_listener("PLAINTEXT://127.0.0.1:9092", None, 0)
    assert (found.host, found.port, found.advertised_host) == ("127.0.0.1", 9092, "127.0.0.1")


def test_a_wildcard_listener_advertises_an_address_that_clients_can_reach() -> None:
    assert parse_listener("PLAINTEXT://0.0.0.0:9092", None, 0).advertised_host == "127.0.0.1"
    told = parse_listener("PLAINTEXT://0.0.0.0:9092", "broker.example:19092", 0)
    assert (told.advertised_host, told.advertised_port) == ("broker.example", 19092)


@pytest.mark.parametrize(
    "text", ["PLAINTEXT://127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000", "KERBEROS://127.0.0.1:9093"]
)
def test_a_listener_that_cannot_be_served_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"host:port"):
        parse_listener(text, None, 0)


def test_it_says_what_runs_where_and_stops_cleanly_on_sigterm(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started("--data-dir", str(data), "--listener", "PLAINTEXT://127.0.0.1:0", "--no-console") as process:
        screen = wait_for_screen(process)
        assert str(data) in screen
        assert "survives kill -9 and a power cut" in screen
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    assert (data / ".kafka_cleanshutdown").exists()


def test_two_listeners_are_both_served_and_both_shown() -> None:
    with started("--ephemeral", "--listener", "127.0.0.1:0", "--listener", "127.0.0.1:0") as process:
        screen = wait_for_screen(process)
        ports = {
            int(line.split()[1].rpartition(":")[2])
            for line in screen.splitlines()
            if "clients" in line or "PLAINTEXT" in line
        }
        assert len(ports) == 2
        for port in ports:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_a_taken_port_is_said_with_the_next_step(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with started(
            "--data-dir", str(tmp_path), "--listener", f"127.0.0.1:{taken.getsockname()[1]}"
        ) as process:
            _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "--listener" in errors


def test_a_data_directory_in_use_is_refused_and_its_holder_named(tmp_path: Path) -> None:
    with started("--data-dir", str(tmp_path), "--listener", "127.0.0.1:0") as first:
        wait_for_screen(first)
        with started("--data-dir", str(tmp_path), "--listener", "127.0.0.1:0") as second:
            _, errors = second.communicate(timeout=PATIENCE_S)
            assert second.returncode == 1
            assert str(first.pid) in errors
            assert "--data-dir" in errors
            first.terminate()
            assert first.wait(PATIENCE_S) == 0


def test_an_unknown_setting_is_refused_by_name_before_anything_is_written(tmp_path: Path) -> None:
    with started("--data-dir", str(tmp_path / "data"), "--set", "num.partition=3") as process:
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1
        assert "num.partition" in errors
        assert not (tmp_path / "data").exists()


def test_what_was_set_is_in_force() -> None:
    with started("--ephemeral", "--listener", "127.0.0.1:0", "--set", "num.partitions=7") as process:
        screen = wait_for_screen(process)
        port = next(line.split()[1].rpartition(":")[2] for line in screen.splitlines() if "clients" in line)
        found = subprocess.run(
            [sys.executable, "-m", "neuraxis", "--bootstrap", f"127.0.0.1:{port}", "topic", "create", "seven"],
            check=False, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
        shown = subprocess.run(
            [sys.executable, "-m", "neuraxis", "--bootstrap", f"127.0.0.1:{port}", "topic", "describe", "seven", "--json"],
            check=False, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        assert shown.stdout.count('"leader"') == 7, shown.stdout
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_metrics_are_shown_where_it_was_told_and_the_log_is_json_with_a_dump_on_demand() -> None:
    arguments = (
        "--ephemeral",
        "--listener",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
        "--log-format",
        "json",
    )
    with started(*arguments) as process:
        screen = wait_for_screen(process)
        url = next(line.split()[1] for line in screen.splitlines() if "metrics" in line)
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            assert b"neuraxis_info{" in answer.read()
        assert process.stderr is not None
        process.send_signal(signal.SIGUSR1)
        messages = []
        while not any("next deadline" in message for message in messages):
            messages.append(json.loads(process.stderr.readline())["message"])
        assert any("stack of thread MainThread" in message for message in messages)
        assert any("stack of thread neuraxis-work-0" in message for message in messages)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_sigusr2_writes_the_bare_stacks_and_the_broker_goes_on() -> None:
    with started("--ephemeral", "--listener", "127.0.0.1:0") as process:
        screen = wait_for_screen(process)
        assert "off (--metrics" in screen
        process.send_signal(signal.SIGUSR2)
        assert process.stderr is not None
        stacks = ""
        while "cli/up.py" not in stacks:
            stacks += process.stderr.readline()
        assert "thread 0x" in stacks.lower()
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_an_address_for_metrics_that_is_none_is_refused() -> None:
    with started("--ephemeral", "--listener", "127.0.0.1:0", "--metrics", "9404") as process:
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "host:port" in errors


STARVED = """
from neuraxis.broker.server import Server
from neuraxis.cli import main

def starve(server):
    raise MemoryError

Server._turn = starve
main()
"""


def test_memory_that_ran_out_stops_it_with_the_reason_and_what_to_do(tmp_path: Path) -> None:
    arguments = ["up", "--data-dir", str(tmp_path), "--listener", "127.0.0.1:0", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", STARVED, *arguments], check=False, capture_output=True, text=True, timeout=PATIENCE_S
    )  # fmt: skip
    assert done.returncode == 1
    assert "out of memory" in done.stderr
    assert "ulimit -v" in done.stderr
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
