"""`neuraxis backup`."""

from __future__ import annotations

from pathlib import Path

import neuraxis
from tests.cli.support import runner, value


def test_backups_are_taken_and_listed(tmp_path: Path) -> None:
    depot = str(tmp_path / "depot")
    with neuraxis.Broker(data_dir=tmp_path / "data") as broker:
        run = runner(broker.bootstrap)
        run("produce", "drives", stdin="1\n2\n")
        shown = run("backup", "create", depot).output
        assert "Restore it with: neuraxis restore" in shown
        second = value(run("backup", "create", depot, "--json"))
        assert second["new_bytes"] == 0
    listed = value(run("backup", "list", depot, "--json"))["backups"]
    assert [each["id"] for each in listed][-1] == second["id"]
    assert second["id"] in run("backup", "list", depot).output


def test_old_backups_are_let_go_of(tmp_path: Path) -> None:
    depot = str(tmp_path / "depot")
    with neuraxis.Broker(data_dir=tmp_path / "data") as broker:
        run = runner(broker.bootstrap)
        ids = [value(run("backup", "create", depot, "--json"))["id"] for _ in range(3)]
        told = run("backup", "prune", depot, "--keep", "1", "--dry-run").output
        assert "2 backups" in told
        assert "would go; 1 stays." in told
        pruned = value(run("backup", "prune", depot, "--keep", "1", "--json"))
        assert (pruned["removed"], pruned["kept"]) == (ids[:2], ids[2:])
        assert "0 backups" in run("backup", "prune", depot, "--keep", "1").output
    assert [each["id"] for each in value(run("backup", "list", depot, "--json"))["backups"]] == ids[2:]


def test_an_empty_depot_and_a_silent_broker_are_told_apart(tmp_path: Path) -> None:
    run = runner("127.0.0.1:1")
    assert "no backup here" in run("backup", "list", str(tmp_path)).output
    assert "start one with `neuraxis up`" in run("backup", "create", str(tmp_path), code=1).stderr


def test_a_broker_in_memory_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with neuraxis.Broker() as broker:
        failed = runner(broker.bootstrap)("backup", "create", str(tmp_path), code=1)
    assert "a backup needs a broker with a data directory" in failed.stderr
