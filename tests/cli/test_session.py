"""The connection options: where they may stand, what wins, and how failures look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from neuraxis.cli import root

ABSENT = "127.0.0.1:1"


def test_the_option_nearest_to_the_command_wins() -> None:
    result = CliRunner().invoke(root, ["--bootstrap", "127.0.0.1:2", "topic", "list", "--bootstrap", ABSENT])
    assert f"no broker answers at {ABSENT}" in result.stderr


def test_options_before_the_command_count_for_it() -> None:
    result = CliRunner().invoke(root, ["--bootstrap", ABSENT, "--json", "topic", "list"])
    assert result.exit_code == 1
    assert json.loads(result.stderr).keys() == {"error", "next"}


def test_the_environment_and_a_settings_file_name_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text(f"bootstrap = '{ABSENT}'")
    assert ABSENT in CliRunner().invoke(root, ["topic", "list", "--settings", str(file)]).stderr
    monkeypatch.setenv("NEURAXIS_BOOTSTRAP", "127.0.0.1:2")
    assert "127.0.0.1:2" in CliRunner().invoke(root, ["topic", "list", "--settings", str(file)]).stderr


def test_a_failure_is_two_lines() -> None:
    result = CliRunner().invoke(root, ["topic", "list", "--settings", "no-such.toml"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["Error", "Next"]
