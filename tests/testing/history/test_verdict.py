"""Drafting a verdict."""

from __future__ import annotations

from neuraxis.testing.history.verdict import SHOWN, Draft


def test_all_findings_are_counted_and_the_first_are_kept() -> None:
    draft = Draft("name", "things", checked=100)
    for number in range(50):
        draft.finding(str(number))
    verdict = draft.done("nothing to see", open_question="perhaps")
    assert (verdict.state, verdict.found, verdict.reason) == ("fail", 50, None)
    assert verdict.findings == tuple(str(number) for number in range(SHOWN))


def test_nothing_checked_and_open_questions_are_unknown() -> None:
    assert Draft("name", "things").done("nothing to see").reason == "nothing to see"
    assert (
        Draft("name", "things", checked=1).done("nothing to see", open_question="perhaps").state == "unknown"
    )
    assert Draft("name", "things", checked=1).done("nothing to see").state == "ok"
