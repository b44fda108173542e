"""Dependency cycles: G1c is broken, what Kafka's model allows is labelled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from neuraxis.testing.history.checks.cycles import components
from tests.testing.history.script import A, B, Script


def test_two_transactions_that_read_each_other_are_found_and_told_as_a_story() -> None:
    script = Script()
    script.txn([(A, 1, 0)], [(B, 2, 0)], by="s")
    script.txn([(B, 2, 0)], [(A, 1, 0)], by="t")
    verdict = script.judge()["cycles"]
    assert verdict.findings == ("G1c: txn 1 of s is read by txn 2 of t is read by txn 1 of s",)
    mended = Script()
    mended.txn([(A, 1, 0)], by="s")
    mended.txn([(B, 2, 0)], [(A, 1, 0)], by="t")
    assert mended.judge()["cycles"].state == "ok"


def test_appending_to_two_logs_in_opposite_order_is_labelled_g0_and_allowed() -> None:
    script = Script()
    script.txn([(A, 1, 0), (B, 1, 1)], by="s")
    script.txn([(A, 2, 1), (B, 2, 0)], by="t")
    verdict = script.judge()["cycles"]
    assert (verdict.state, verdict.labels) == ("ok", (("G0", 1),))


def test_reading_who_appended_behind_oneself_is_labelled_and_allowed() -> None:
    script = Script()
    script.txn([(A, 1, 0)], [(B, 2, 0)], by="s")
    script.txn([(A, 2, 1), (B, 2, 0)], by="t")
    verdict = script.judge()["cycles"]
    assert (verdict.state, verdict.labels) == ("ok", (("G1c-ww", 1),))


def test_a_poll_that_is_no_snapshot_is_labelled_and_allowed() -> None:
    script = Script()
    script.send(0, 0, A)
    script.txn([(A, 1, 1), (B, 1, 0)], by="s")
    script.txn([], [(A, 0, 0), (B, 1, 0)], by="t")
    verdict = script.judge()["cycles"]
    assert (verdict.state, verdict.labels) == ("ok", (("G2", 1),))


def test_a_transaction_of_unknown_fate_counts_once_somebody_read_it() -> None:
    script = Script()
    script.txn([(A, 1, 0)], [(B, 2, 0)], by="s", stage="unknown")
    script.txn([(B, 2, 0)], [(A, 1, 0)], by="t")
    assert script.judge()["cycles"].state == "fail"
    aborted = Script()
    aborted.txn([(A, 1, 0)], [(B, 2, 0)], by="s", stage="fail")
    aborted.txn([(B, 2, 0)], [(A, 1, 0)], by="t")
    assert aborted.judge()["cycles"].state != "fail", "that is an aborted read, not a cycle"


def test_sends_and_polls_alone_say_nothing_about_transactions() -> None:
    script = Script()
    script.send(1, 0)
    script.poll((1, 0))
    verdict = script.judge()["cycles"]
    assert (verdict.state, verdict.reason) == ("unknown", "no transaction was committed")


@given(some.sets(some.tuples(some.integers(0, 7), some.integers(0, 7)), max_size=20))
def test_components_are_those_who_reach_each_other(edges: set[tuple[int, int]]) -> None:
    graph: dict[int, set[int]] = {}
    for source, target in edges:
        graph.setdefault(source, set()).add(target)
    reach = {node: {node} for node in range(8)}
    for _ in range(8):
        for source, target in edges:
            for reached in reach.values():
                if source in reached:
                    reached.add(target)
    expected = {
        frozenset(other for other in range(8) if other in reach[node] and node in reach[other])
        for node in range(8)
    }
    assert {frozenset(each) for each in components(graph)} == {each for each in expected if len(each) > 1}
