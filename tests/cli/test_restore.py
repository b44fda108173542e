"""`neuraxis restore`."""

from __future__ import annotations

from pathlib import Path

import neuraxis
from tests.cli.support import runner, value


def test_the_newest_backup_or_a_time_within_it_is_restored(tmp_path: Path) -> None:
    depot = str(tmp_path / "depot")
    with neuraxis.Broker(data_dir=tmp_path / "data") as broker:
        run = runner(broker.bootstrap)
        run("produce", "drives", stdin="1\n2\n")
        backup_id = value(run("backup", "create", depot, "--json"))["id"]
    shown = run("restore", depot, str(tmp_path / "again")).output
    assert f"backup {backup_id}" in shown
    assert "all proved" in shown
    assert value(run("log", "check", str(tmp_path / "again"), "--json"))["damaged"] is False
    long_ago = value(
        run("restore", depot, str(tmp_path / "old"), "--backup", backup_id, "--until", "2020-01-01", "--json")
    )
    assert {"topic": "drives", "partition": 0, "from_offset": 2, "to_offset": 0} in long_ago["cuts"]
    assert "CUT TOPIC" in run("restore", depot, str(tmp_path / "older"), "--until", "2020-01-01").output
    with neuraxis.Broker(data_dir=tmp_path / "again") as broker:
        assert runner(broker.bootstrap)("consume", "drives", "--max", "2").output.split() == ["1", "2"]


def test_a_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    depot = str(tmp_path / "depot")
    with neuraxis.Broker(data_dir=tmp_path / "data") as broker:
        run = runner(broker.bootstrap)
        run("backup", "create", depot)
        failed = run("restore", depot, str(tmp_path / "data"), code=1)
    assert "is not empty" in failed.stderr
