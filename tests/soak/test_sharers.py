"""The judge of a share group finds records that come again, records that two members hold, and records that are lost."""

from __future__ import annotations

from typing import Any

from neuraxis.testing.history import Log, Verdict
from neuraxis.testing.history.events import Stage as Outcome
from tests.soak.sharers import ACCEPT, DELIVERIES, REJECT, RELEASE, Deliveries, Delivery

LOG = Log("t", 0)


def delivery(offset: int, member: str = "a", at_ns: int = 10, **more: Any) -> Delivery:
    fields: dict[str, Any] = {
        "value": offset,
        "count": 1,
        "held_until_ns": at_ns,
        "asked_ns": at_ns - 1,
    } | more
    return Delivery(log=LOG, offset=offset, member=member, got_ns=at_ns, **fields)


def judged(*given: Delivery, **outcomes: Outcome) -> dict[str, Verdict]:
    deliveries = Deliveries()
    for each in given:
        deliveries.give(each)
        told, told_ns = each.told, each.told_ns
        if told is not None:
            deliveries.settle(each, told)
            each.told_ns = told_ns
    known = {(LOG, int(name[1:])): outcome for name, outcome in outcomes.items()}
    return {each.name: each for each in deliveries.judge(known)}


def test_a_record_given_back_and_then_accepted_is_as_it_should_be() -> None:
    back = delivery(1, verdict=RELEASE, told="ok", told_ns=12)
    done = delivery(1, "b", 20, count=2, verdict=ACCEPT, told="ok", told_ns=22)
    verdicts = judged(back, done, v1="ok", v2="fail", v3="unknown")
    assert {each.state for each in verdicts.values()} == {"ok"}


def test_a_settled_record_that_comes_again_is_found() -> None:
    for kind in (ACCEPT, REJECT):
        done = delivery(1, verdict=kind, told="ok", told_ns=12)
        again = delivery(1, "b", 20, count=2)
        assert "given to b" in judged(done, again, v1="ok")["share-settled"].findings[0]
    early = delivery(1, "b", 20, count=2, asked_ns=11)
    assert judged(done, early, v1="ok")["share-settled"].state == "ok", "asked for before it was settled"


def test_a_record_that_another_member_holds_is_found() -> None:
    held = delivery(1, held_until_ns=30)
    other = delivery(1, "b", 20, count=2)
    assert "was given to b while a held it" in judged(held, other)["share-held"].findings[0]
    own = delivery(1, "a", 20, count=2)
    assert judged(held, own)["share-held"].state == "ok"


def test_a_record_that_nobody_settles_is_found() -> None:
    only_given = delivery(1)
    verdict = judged(only_given, v1="ok", v2="ok")["share-complete"]
    assert verdict.findings == (
        "1 of t-0 was delivered 1 times, and never settled",
        "2 of t-0 was delivered 0 times, and never settled",
    )
    worn_out = delivery(1, count=DELIVERIES)
    assert judged(worn_out, v1="ok")["share-complete"].labels == (("given up after too many deliveries", 1),)


def test_a_record_that_was_aborted_or_never_sent_is_found() -> None:
    verdict = judged(delivery(1), delivery(2), v1="fail")["share-complete"]
    assert verdict.found == 2


def test_one_offset_with_two_values_is_found() -> None:
    done = delivery(1, verdict=ACCEPT, told="ok", told_ns=50)
    other = delivery(1, "b", 20, value=2)
    assert "different values" in judged(done, other, v1="ok")["share-settled"].findings[0]
