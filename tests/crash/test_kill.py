"""SIGKILL at random points under idempotent load: nothing acknowledged is lost or doubled, and groups resume."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import harness

ROUNDS = 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("durability", ["sync", "os"])
def test_nothing_acknowledged_is_lost_or_doubled_over_many_kills(tmp_path: Path, durability: str) -> None:
    rounds = ROUNDS if durability == "sync" else ROUNDS // 4
    report = harness.run(tmp_path, rounds, durability, seed=20261124)
    assert report.wrong == []
    assert report.acked > rounds * 100, "the load was too thin to prove anything"


def test_the_verdicts_name_a_lost_a_doubled_and_a_misplaced_value() -> None:
    ledger = harness.Ledger()
    ledger.acked[0] = {0: 0, 1: 1, 2: 2}
    assert harness.verdicts(ledger, {0: [(0, 0), (1, 1), (2, 2)]}, {}) == []
    assert "found at None" in harness.verdicts(ledger, {0: [(0, 0), (1, 1)]}, {})[0]
    assert "twice" in harness.verdicts(ledger, {0: [(0, 0), (1, 1), (2, 2), (3, 2)]}, {})[0]
    assert "out of order" in " ".join(harness.verdicts(ledger, {0: [(0, 1), (1, 0), (2, 2)]}, {}))
    assert "hole" in " ".join(harness.verdicts(ledger, {0: [(0, 0), (1, 1), (3, 2)]}, {}))
    ledger.committed[0] = 3
    assert "commit 3" in " ".join(harness.verdicts(ledger, {0: [(0, 0), (1, 1), (2, 2)]}, {0: 2}))
