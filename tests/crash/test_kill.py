"""SIGKILL at random points under load: all ten verdicts of the history checker hold, and each had something to look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuraxis.testing.history import Event, History, Log, Record, judge
from tests.crash import harness

ROUNDS = 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("durability", ["sync", "os"])
def test_every_promise_is_kept_over_many_kills(tmp_path: Path, durability: str) -> None:
    rounds = ROUNDS if durability == "sync" else ROUNDS // 4
    result = harness.run(tmp_path, rounds, durability, seed=20261124)
    assert result.wrong == ()
    assert result.rounds == rounds
    assert len(result.restarts_s) == rounds + 1
    # Thinner, it would prove little.
    assert result.ok("send") > rounds * 50
    assert result.ok("txn") > rounds // 2
    assert result.ok("commit") > rounds // 2


def test_what_a_verdict_finds_and_what_it_could_not_look_at_are_both_wrong() -> None:
    log = Log("t", 0)
    events = [
        Event(1, "invoke", "p", "send", 1, sends=(Record(log, 7),)),
        Event(1, "fail", "p", "send", 2, error="refused"),
        Event(2, "invoke", "r", "poll", 3),
        Event(2, "ok", "r", "poll", 4, polls=(Record(log, 7, 0),)),
    ]
    told = harness.sentences(judge(History.of(events)))
    assert any(sentence.startswith("aborted-read: ") and "refused" in sentence for sentence in told)
    assert any(sentence.startswith("cycles is unknown: ") for sentence in told)
