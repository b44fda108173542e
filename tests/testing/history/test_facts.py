"""What a history proves about its logs."""

from __future__ import annotations

from neuraxis.testing.history.facts import Facts
from tests.testing.history.script import A, B, Script


def test_the_version_order_holds_committed_values_only() -> None:
    script = Script()
    script.send(1, 0)
    script.txn([(A, 2, 1)], stage="fail")
    script.txn([(A, 3, 3)], stage="unknown")
    script.txn([(A, 4, 5)], stage="unknown")
    script.poll((3, 3))
    facts = Facts(script.history)
    assert facts.version_order == {A: [(0, 1), (3, 3)]}
    assert facts.between(A, 0, 5) == [3]
    assert facts.between(A, -1, 3) == [0]
    assert facts.between(B, -1, 9) == []


def test_reads_are_known_by_log() -> None:
    script = Script()
    script.send(1, 0, B)
    script.poll((1, 0), log=B)
    facts = Facts(script.history)
    assert facts.highest_read == {B: 0}
    assert facts.read[B] == {1}
    assert facts.committed(B, 1)
    assert not facts.committed(A, 1)
