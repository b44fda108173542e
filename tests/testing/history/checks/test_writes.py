"""What becomes of writes: each check finds its bug and lets the mended history pass."""

from __future__ import annotations

import pytest

from neuraxis.testing.history import Record
from tests.testing.history.script import A, B, Script


@pytest.mark.parametrize(("told", "state"), [(1, "fail"), (2, "ok")])
def test_an_offset_holds_one_value(told: int, state: str) -> None:
    script = Script()
    script.send(1, 0)
    script.send(2, 1)
    script.poll((1, 0), (2, 1), by="a")
    script.poll((1, 0), (3 if told == 1 else 2, 1), by="b")
    assert script.judge()["inconsistent-offsets"].state == state


def test_the_same_offset_in_two_logs_is_no_conflict() -> None:
    script = Script()
    script.send(1, 0, A)
    script.send(2, 0, B)
    assert script.judge()["inconsistent-offsets"].state == "ok"


@pytest.mark.parametrize(("second", "state"), [(4, "fail"), (0, "ok")])
def test_a_value_stands_at_one_offset(second: int, state: str) -> None:
    script = Script()
    script.send(1, 0)
    script.poll((1, 0))
    script.poll((1, second), by="b")
    assert script.judge()["duplicates"].state == state


def test_an_acknowledged_value_below_the_highest_read_was_read() -> None:
    script = Script()
    script.send(1, 0)
    script.send(2, 1)
    script.send(3, 2)
    script.poll((1, 0))
    assert script.judge()["lost-write"].state == "ok", "2 and 3 may still come"
    script.poll((3, 2), by="b")
    verdict = script.judge()["lost-write"]
    assert verdict.findings == ("send 2 of p was told drives-0@1 for 2; nobody read it, though @2 was read",)
    script.poll((2, 1), by="c")
    assert script.judge()["lost-write"].state == "ok"


def test_aborted_and_unknown_writes_cannot_be_lost() -> None:
    script = Script()
    script.txn([(A, 1, 0)], stage="fail")
    script.txn([(A, 2, 2)], stage="unknown")
    script.send(3, 4)
    script.poll((3, 4))
    assert script.judge()["lost-write"].state == "ok"


def test_an_acknowledged_commit_is_kept_or_a_later_one() -> None:
    for kept, state in ((4, "fail"), (None, "fail"), (5, "ok"), (9, "ok")):
        script = Script()
        script.commit(5)
        script.commit(kept, kind="committed")
        assert script.judge()["lost-write"].state == state, kept


def test_a_commit_of_unknown_fate_may_be_the_one_that_is_kept() -> None:
    script = Script()
    script.commit(4, stage="unknown")
    script.commit(5)
    script.commit(4, kind="committed")
    assert script.judge()["lost-write"].state == "ok"
    script.commit(3, kind="committed")
    assert script.judge()["lost-write"].state == "fail"


def test_offsets_told_to_one_process_grow() -> None:
    script = Script()
    script.send(1, 3)
    script.send(2, 2)
    assert "was told @2 after @3" in script.judge()["send-order"].findings[0]
    mended = Script()
    mended.send(1, 2)
    mended.send(2, 3)
    assert mended.judge()["send-order"].state == "ok"


def test_no_offset_is_told_twice() -> None:
    script = Script()
    first = script.begin("send", "p")
    second = script.begin("send", "q")
    script.end(first, "ok", "send", "p", sends=(Record(A, 1, 0),))
    script.end(second, "ok", "send", "q", sends=(Record(A, 2, 0),))
    assert "drives-0@0 was told for 1 and for 2" in script.judge()["send-order"].findings[0]


@pytest.mark.parametrize(("overlapping", "state"), [(False, "fail"), (True, "ok")])
def test_a_send_invoked_after_another_was_acknowledged_stands_behind_it(
    overlapping: bool, state: str
) -> None:
    script = Script()
    early = script.begin("send", "q") if overlapping else 0
    script.send(1, 8, by="p")
    late = early or script.begin("send", "q")
    script.end(late, "ok", "send", "q", sends=(Record(A, 2, 7),))
    assert script.judge()["send-order"].state == state


def test_every_group_reads_everything_in_the_end() -> None:
    script = Script()
    script.send(1, 0)
    script.send(2, 1)
    script.poll((1, 0), (2, 1), group="g")
    script.poll((1, 0), group="h", by="s")
    assert script.judge()["unseen"].state == "unknown", "nobody said that the faults are healed"
    script.drain(["g", "h"])
    verdict = script.judge()["unseen"]
    assert verdict.findings == ("group h never read 1 acknowledged records of drives-0: 2",)
    script.poll((2, 1), group="h", by="s")
    assert script.judge()["unseen"].state == "ok"


def test_what_is_unseen_while_the_cluster_is_away_stays_unknown() -> None:
    script = Script()
    script.send(1, 0)
    script.drain(stage="unknown")
    verdict = script.judge()["unseen"]
    assert verdict.state == "unknown"
    assert "did not answer" in (verdict.reason or "")
    script.poll((1, 0))
    assert script.judge()["unseen"].state == "ok"


def test_offset_zero_is_told_for_the_first_record_only() -> None:
    script = Script()
    script.send(1, 0)
    assert script.judge()["spurious-zero"].state == "ok"
    script.send(2, 0)
    findings = script.judge()["spurious-zero"].findings
    assert any("told drives-0@0 for 2, after 1 had been acknowledged" in finding for finding in findings)


def test_offset_zero_is_spurious_if_the_value_or_another_stands_elsewhere() -> None:
    script = Script()
    script.send(1, 0)
    script.poll((1, 5))
    assert "1 stands at 5" in script.judge()["spurious-zero"].findings[0]
    other = Script()
    other.send(1, 0)
    other.send(2, None, stage="unknown")
    other.poll((2, 0))
    assert "@0 holds 2" in other.judge()["spurious-zero"].findings[0]


def test_without_acknowledgements_nothing_is_said_about_writes() -> None:
    report = Script().judge()
    assert {verdict.state for verdict in report.verdicts} == {"unknown"}
    assert all(verdict.reason for verdict in report.verdicts)
