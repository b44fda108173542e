"""compat/verify: every verdict of every run is a case, and what could not be judged is no pass."""

from __future__ import annotations

from pathlib import Path

from compat import verify
from compat.results import read_allow_list
from compat.verify.suite import RUNS, cases_of
from neuraxis.testing.history import CHECKS, Event, History, Log, Record, judge


def test_a_verdict_is_a_case_and_nothing_to_look_at_is_a_skip() -> None:
    log = Log("t", 0)
    events = [
        Event(1, "invoke", "p", "send", 1, sends=(Record(log, 7),)),
        Event(1, "fail", "p", "send", 2, error="refused"),
        Event(2, "invoke", "r", "poll", 3),
        Event(2, "ok", "r", "poll", 4, polls=(Record(log, 7, 0),)),
    ]
    cases = {case.name: case for case in cases_of("kill", judge(History.of(events)), 1.0)}
    assert (cases["kill/aborted-read"].outcome, cases["kill/cycles"].outcome) == ("failed", "skipped")
    assert "refused" in cases["kill/aborted-read"].message


def test_every_verdict_of_every_run_must_pass() -> None:
    allowed = read_allow_list(Path(verify.__file__).parent / "tests.allow")
    assert allowed == [f"{run}/{verdict}" for run in RUNS for verdict in CHECKS]
