"""The command line as a whole: help, version, start-up, failures."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from neuraxis.cli import COMMANDS, root
from tests.cli.support import process


def test_the_version_is_the_packages() -> None:
    done = process("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "neuraxis")


def test_help_teaches_with_examples_and_names_every_command() -> None:
    result = CliRunner().invoke(root, ["-h"])
    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert all(name in result.output for name in COMMANDS)


@pytest.mark.parametrize("command", ["topic", "produce", "consume", "group", "config"])
def test_the_help_of_every_command_has_examples(command: str) -> None:
    result = CliRunner().invoke(root, [command, "--help"])
    assert result.exit_code == 0
    assert f"neuraxis {command}" in result.output


def test_starting_up_imports_neither_a_client_nor_rich() -> None:
    code = (
        "import sys, neuraxis.cli; print(sorted({'confluent_kafka', 'rich', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_absent_broker_is_two_lines_and_exit_code_1() -> None:
    done = process("--bootstrap", "127.0.0.1:1", "topic", "list")
    assert done.returncode == 1
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith("Error: no broker answers at 127.0.0.1:1")
    assert second.startswith("Next:") and "neuraxis up" in second  # noqa: PT018  # one statement about one line


def test_wrong_usage_is_exit_code_2() -> None:
    assert process("frobnicate").returncode == 2
    assert process("topic", "create").returncode == 2


def test_a_reader_that_goes_away_is_not_a_failure(bootstrap: str, name: str) -> None:
    process("--bootstrap", bootstrap, "produce", name, stdin="line\n" * 20_000)
    command = f"{sys.executable} -m neuraxis.cli --bootstrap {bootstrap} consume {name} --exit | head -1"
    command = command.replace("-m neuraxis.cli", "-c 'from neuraxis.cli import main; main()'")
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("line\n", "")
