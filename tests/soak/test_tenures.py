"""The judge of ownership finds two owners, claims of strangers, and epochs that go back."""

from __future__ import annotations

from tests.soak.tenures import Tenures

GROUP, THING = "g", "log"


def found(tenures: Tenures) -> str:
    return " ".join(tenures.judge().findings)


def test_one_owner_after_the_other_is_as_it_should_be() -> None:
    tenures = Tenures()
    first = tenures.begin(GROUP, THING, "a", 1, 10)
    first.end_ns = 20
    tenures.begin(GROUP, THING, "b", 2, 21)
    tenures.begin(GROUP, "another", "a", 2, 5)
    tenures.claim(GROUP, THING, "a", 15)
    tenures.claim(GROUP, THING, "b", 30)
    tenures.epoch(GROUP, "a", 1)
    tenures.epoch(GROUP, "a", 2)
    assert tenures.judge().state == "ok"


def test_an_owner_before_the_last_one_has_let_go_is_found() -> None:
    tenures = Tenures()
    first = tenures.begin(GROUP, THING, "a", 1, 10)
    tenures.begin(GROUP, THING, "b", 2, 15)
    assert "was given to b (epoch 2) while a (epoch 1) had it" in found(tenures)
    first.end_ns = 20
    assert tenures.judge().state == "fail"
    first.end_ns = 14
    assert tenures.judge().state == "ok"


def test_an_owner_that_never_lets_go_is_found_behind_shorter_tenures_too() -> None:
    tenures = Tenures()
    tenures.begin(GROUP, THING, "a", 1, 10)
    tenures.begin(GROUP, THING, "a", 2, 11).end_ns = 12
    tenures.begin(GROUP, THING, "b", 3, 20)
    assert "was given to b" in found(tenures)


def test_two_owners_in_one_epoch_are_found_however_far_apart() -> None:
    tenures = Tenures()
    tenures.begin(GROUP, THING, "a", 7, 10).end_ns = 20
    tenures.begin(GROUP, THING, "b", 7, 30)
    assert "two owners in epoch 7" in found(tenures)


def test_a_commit_of_somebody_else_is_found() -> None:
    tenures = Tenures()
    tenures.begin(GROUP, THING, "a", 1, 10).end_ns = 20
    tenures.begin(GROUP, THING, "b", 2, 30)
    tenures.claim(GROUP, THING, "a", 25)
    assert tenures.judge().state == "ok", "nobody owned it"
    tenures.claim(GROUP, THING, "a", 35)
    assert "a commit of a for log was taken while b owned it" in found(tenures)


def test_an_epoch_that_goes_back_is_found() -> None:
    tenures = Tenures()
    tenures.epoch(GROUP, "a", 3)
    tenures.epoch(GROUP, "b", 1)
    tenures.epoch(GROUP, "a", 2)
    assert "the epoch of a went back from 3 to 2" in found(tenures)


def test_without_any_tenure_nothing_is_said() -> None:
    assert Tenures().judge().state == "unknown"
