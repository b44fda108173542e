"""`neuraxis verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neuraxis.testing.history import Event, Log, Record, to_line
from tests.cli.support import Run, runner, value

LOG = Log("drives", 0)


def history(path: Path, read: int) -> str:
    """One send that is acknowledged at 0, and one poll that finds `read` there."""
    events = [
        Event(1, "invoke", "p", "send", 1, sends=(Record(LOG, 7),)),
        Event(1, "ok", "p", "send", 2, sends=(Record(LOG, 7, 0),)),
        Event(2, "invoke", "r", "poll", 3),
        Event(2, "ok", "r", "poll", 4, polls=(Record(LOG, read, 0),)),
    ]
    path.write_text("".join(to_line(event) + "\n" for event in events))
    return str(path)


def test_a_cluster_is_verified_and_its_history_can_be_judged_again(run: Run, tmp_path: Path) -> None:
    kept = tmp_path / "run.jsonl"
    result = run("verify", "--seconds", "1", "--topics", "1", "--faults", "reset", "--history", str(kept))
    assert "Every promise that could be checked was kept." in result.output
    assert (
        "faults: reset" in result.output or "faults:" not in result.output
    )  # a second may be too short for one
    again = value(run("verify", "--replay", str(kept), "--json"))
    assert again["broken"] == []
    assert len(again["verdicts"]) == 10
    assert again["operations"]["send"]["ok"] > 10


def test_a_broken_promise_is_told_and_exits_with_one(tmp_path: Path) -> None:
    run = runner("127.0.0.1:1")
    shown = run("verify", "--replay", history(tmp_path / "bad.jsonl", 8), code=1).output
    assert "aborted-read: poll 2 of r read 8 at drives-0@0, which nobody sent" in shown
    assert "promises broken: aborted-read" in shown
    assert (
        value(run("verify", "--replay", str(tmp_path / "bad.jsonl"), "--json", code=1))["broken"][0]
        == "aborted-read"
    )
    shown = run("verify", "--replay", history(tmp_path / "good.jsonl", 7)).output
    assert "cycles is unknown: no transaction was committed" in shown


@pytest.mark.parametrize("text", ["{", json.dumps({"operation": 1}), "\xff"])
def test_what_is_no_history_is_refused_with_the_next_step(tmp_path: Path, text: str) -> None:
    path = tmp_path / "strange"
    path.write_bytes(text.encode("latin-1"))
    shown = runner("127.0.0.1:1")("verify", "--replay", str(path), code=1).output
    assert "is not a history" in shown
    assert "neuraxis verify --history FILE" in shown


def test_faults_are_checked_before_anything_starts(tmp_path: Path) -> None:
    run = runner("127.0.0.1:1")
    assert "choose from kill, pause, reset" in run("verify", "--faults", "flood", code=2).output
    assert "add --own-broker" in run("verify", "--faults", "kill", code=1).output
    assert "cannot write the history" in run("verify", "--history", str(tmp_path / "no" / "f"), code=1).output
