"""The table of checks."""

from __future__ import annotations

from neuraxis.testing.history import CHECKS
from tests.testing.history.script import Script


def test_there_are_ten_checks_and_each_answers_under_its_own_name() -> None:
    assert len(CHECKS) == 10
    assert [verdict.name for verdict in Script().judge().verdicts] == list(CHECKS)
