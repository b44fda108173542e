"""What readers may see: each check finds its bug and lets the mended history pass."""

from __future__ import annotations

import pytest

from neuraxis.testing.history import Log, Record
from tests.testing.history.script import A, B, Script


def test_a_value_whose_writer_failed_must_not_be_read() -> None:
    for stage, state in (("fail", "fail"), ("unknown", "ok"), ("ok", "ok")):
        script = Script()
        script.txn([(A, 1, 0)], stage=stage)
        script.poll((1, 0))
        verdict = script.judge()["aborted-read"]
        assert verdict.state == state
        if state == "fail":
            assert verdict.findings == ("poll 2 of r read 1 at drives-0@0, but txn 1 of t failed (aborted)",)


def test_a_value_that_nobody_sent_is_found_once() -> None:
    script = Script()
    script.send(1, 0)
    script.poll((1, 0), (2, 1))
    script.poll((1, 0), (2, 1), by="other")
    verdict = script.judge()["aborted-read"]
    assert verdict.found == 1
    assert "nobody sent" in verdict.findings[0]


def test_without_polls_nothing_is_said_about_reads() -> None:
    script = Script()
    script.send(1, 0)
    report = script.judge()
    for name in ("aborted-read", "poll-order", "precommitted-read"):
        assert report[name].state == "unknown"
        assert report[name].reason


def test_a_transaction_does_not_read_its_own_records() -> None:
    script = Script()
    script.txn([(A, 1, 0)], [(A, 1, 0)])
    assert "its own uncommitted 1" in script.judge()["precommitted-read"].findings[0]
    mended = Script()
    mended.txn([(A, 1, 0)])
    mended.txn([(A, 2, 2)], [(A, 1, 0)])
    assert mended.judge()["precommitted-read"].state == "ok"


@pytest.mark.parametrize(("early", "state"), [(True, "fail"), (False, "ok")])
def test_nobody_reads_a_transaction_before_it_asks_to_be_committed(early: bool, state: str) -> None:
    script = Script()
    number = script.begin("txn", "t")
    if early:
        script.poll((1, 0))
    script.end(number, "ok", "txn", "t", sends=(_record(1, 0),), ending_ns=script.tick())
    script.poll((1, 0), by="later")
    assert script.judge()["precommitted-read"].state == state


def test_a_read_while_the_commit_is_under_way_is_no_early_read() -> None:
    script = Script()
    number = script.begin("txn", "t")
    asked = script.tick()
    script.poll((1, 0))
    script.end(number, "unknown", "txn", "t", sends=(_record(1, 0),), ending_ns=asked)
    assert script.judge()["precommitted-read"].state == "ok"


def _record(value: int, offset: int) -> Record:
    return Record(A, value, offset)


def sent(count: int, log: Log = A) -> Script:
    script = Script()
    for value in range(count):
        script.send(value, value, log)
    return script


def test_a_poll_that_skips_a_committed_record_is_found_within_and_between_polls() -> None:
    for polls in ([((0, 0), (2, 2))], [((0, 0),), ((2, 2),)]):
        script = sent(3)
        for poll in polls:
            script.poll(*poll)
        verdict = script.judge()["poll-order"]
        assert verdict.findings[0].startswith("poll skip: ")
        assert "past 1 committed records, the first @1" in verdict.findings[0]


def test_a_poll_that_goes_back_is_found() -> None:
    script = sent(3)
    script.poll((0, 0), (1, 1))
    script.poll((1, 1), (2, 2))
    assert script.judge()["poll-order"].findings[0].startswith("nonmonotonic poll: ")


def test_an_assignment_begins_anew_and_its_start_is_binding() -> None:
    script = sent(3)
    script.poll((0, 0), (1, 1), (2, 2))
    script.assign((A, None))
    script.poll((1, 1), (2, 2))
    script.assign((A, 0))
    script.poll((0, 0), (1, 1), (2, 2))
    assert script.judge()["poll-order"].state == "ok"
    script.assign((A, 0))
    script.poll((1, 1))
    assert script.judge()["poll-order"].state == "fail"


def test_markers_and_aborted_records_leave_no_gap() -> None:
    script = Script()
    script.send(0, 0)
    script.txn([(A, 1, 1)], stage="fail")  # its marker is at 2
    script.txn([(A, 2, 3)], stage="unknown")  # read by nobody: perhaps aborted
    script.send(3, 5)
    script.poll((0, 0), (3, 5))
    assert script.judge()["poll-order"].state == "ok"
    script.poll((2, 3), by="witness")  # it was committed after all: so r left it out
    assert script.judge()["poll-order"].state == "fail"


def test_readers_and_logs_have_positions_of_their_own() -> None:
    script = sent(2)
    script.send(7, 0, B)
    script.poll((0, 0))
    script.poll((0, 0), by="other")
    script.poll((7, 0), log=B)
    script.poll((1, 1))
    assert script.judge()["poll-order"].state == "ok"


def test_a_rebalance_inside_of_a_transaction_counts_before_what_the_transaction_read() -> None:
    script = sent(3)
    script.poll((0, 0), (1, 1), by="t")
    number = script.begin("txn", "t")
    script.assign((A, None), by="t")
    script.end(number, "ok", "txn", "t", polls=(_record(0, 0), _record(1, 1)))
    assert script.judge()["poll-order"].state == "ok"
