"""The judge of administration finds what is missing, what is different, and what nobody made; doubt is settled by looking."""

from __future__ import annotations

from collections.abc import Hashable

from neuraxis.testing.history.verdict import Draft
from tests.soak.churn import Expectations

TOPIC: Hashable = ("topic", "t")


def found(expected: Expectations, seen: dict[Hashable, object]) -> str:
    draft = Draft("administration", "things")
    expected.compare(seen, draft)
    return "; ".join(draft.findings)


def test_what_was_acknowledged_must_be_there_and_what_was_deleted_must_not() -> None:
    expected = Expectations()
    expected.attempt(TOPIC, 3)
    expected.done(TOPIC, 3)
    assert found(expected, {TOPIC: 3}) == ""
    assert "is 2, and must be 3" in found(expected, {TOPIC: 2})
    expected.done(TOPIC, 3)
    assert "is absent, and must be 3" in found(expected, {})
    expected.done(TOPIC, None)
    assert "must be absent" in found(expected, {TOPIC: 3})


def test_what_nobody_made_is_found() -> None:
    assert "nobody made it" in found(Expectations(), {TOPIC: 1})


def test_a_change_without_an_answer_may_have_been_made_or_not_until_somebody_looks() -> None:
    expected = Expectations()
    expected.done(TOPIC, 1)
    expected.attempt(TOPIC, 2)
    assert found(expected, {TOPIC: 2}) == ""
    assert "is 1, and must be 2" in found(expected, {TOPIC: 1})
    expected.done(TOPIC, 1)
    expected.attempt(TOPIC, 2)
    assert "must be 1 or 2" in found(expected, {TOPIC: 3})


def test_a_refused_change_leaves_everything_as_it_was() -> None:
    expected = Expectations()
    expected.done(TOPIC, 1)
    expected.attempt(TOPIC, 2)
    expected.refused(TOPIC, 2, {1})
    assert "must be 1" in found(expected, {TOPIC: 2})
