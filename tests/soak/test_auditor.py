"""The judge of committed offsets finds one that goes back, or is gone."""

from __future__ import annotations

from neuraxis.testing.history import Log
from neuraxis.testing.history.verdict import Draft
from tests.soak.auditor import compare

LOG = Log("t", 0)


def test_offsets_that_go_back_or_away_are_found() -> None:
    draft = Draft("committed-forward", "offsets")
    before: dict[Log, int] = {}
    for offset in (None, 3, 3, 7):
        compare("g", before, {LOG: offset}, draft)
    assert draft.findings == []
    compare("g", before, {LOG: 6}, draft)
    compare("g", before, {LOG: None}, draft)
    assert draft.findings == [
        "group g: @7 of t-0 was committed, and then 6",
        "group g: @6 of t-0 was committed, and then None",
    ]
