from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft, ConsumerGroupSeen
from neuraxis.broker.coordinators.group.consumer.facts import CurrentFact, MemberFact, TargetFact
from neuraxis.broker.coordinators.group.consumer.state import (
    NEW,
    ConsumerGroup,
    ConsumerMember,
    Current,
    MemberState,
    ResolvedRegex,
)
from neuraxis.broker.coordinators.group.settings import GroupSettings
from neuraxis.broker.coordinators.group.state import REBALANCE_TIMER
from neuraxis.broker.work import Now
from tests.broker.coordinators.group.consumer.world import Topics848

T = b"t" * 16
A = ConsumerMember("a", "i", topic_names=("t4",), rebalance_timeout_ms=7)


@pytest.fixture
def draft() -> ConsumerDraft:
    group = ConsumerGroup(epoch=3, members={"a": A}, targets={"a": {T: (0,)}}, static_members={"i": "a"})
    group.current["a"] = Current(3, 2, assigned={T: {0: 3}})
    group.owners[T] = {0: "a"}
    return ConsumerDraft("g", group, GroupSettings(), Topics848(), Now(100, 200))


def test_nothing_new_writes_nothing(draft: ConsumerDraft) -> None:
    draft.put_member(A)
    draft.put_target("a", {T: (0,)})
    draft.put_target("b", {})
    draft.put_current(A, Current(3, 2, assigned={T: {0: 3}}))
    draft.put_regex("x", None)
    assert draft.outcome().records == ()
    assert draft.outcome().notes == (ConsumerGroupSeen("g", (), None),)


def test_what_is_put_is_seen_and_the_group_is_not_touched(draft: ConsumerDraft) -> None:
    b = ConsumerMember("b", "j", topic_regex="x")
    draft.put_member(b)
    draft.put_target("b", {T: (1,)})
    draft.put_current(b, Current(4))
    draft.put_regex("x", ResolvedRegex(("x1",), 1, 2))
    assert draft.members() == {"a": A, "b": b}
    assert draft.holder("j") == b
    assert draft.holder("i") == A
    assert draft.target("b") == {T: (1,)}
    assert draft.current("b") == Current(4)
    assert draft.topics_of(b) == {"x1"}
    assert draft.regexes() == {"x"}
    assert draft.base.members == {"a": A}


def test_a_removed_member_has_nothing_and_may_come_back_as_it_was(draft: ConsumerDraft) -> None:
    current = draft.current("a")
    assert draft.is_owned(T, 0, "b")
    draft.remove("a")
    assert not draft.is_owned(T, 0, "b")
    assert (draft.member("a"), draft.holder("i"), draft.current("a"), draft.target("a")) == (
        None,
        None,
        NEW,
        {},
    )
    assert dict(draft.timers) == {"a": None, (0, "a"): None, (1, "a"): None, (2, "a"): None}
    draft.put_member(A)
    draft.put_target("a", {T: (0,)})
    draft.put_current(A, current)
    assert draft.records[-3:] == [
        MemberFact("g", "a", A),
        TargetFact("g", "a", {T: (0,)}),
        CurrentFact("g", "a", current),
    ]


def test_who_must_let_go_has_its_rebalance_timeout(draft: ConsumerDraft) -> None:
    key = (REBALANCE_TIMER, "a")
    draft.put_current(A, Current(3, 3, MemberState.UNREVOKED_PARTITIONS, {}, {T: {0: 3}}))
    assert draft.timers[key] == 107
    assert draft.is_owned(T, 0, "a"), "nor does it get back what it was told to let go"
    draft.put_current(A, Current(4, 3))
    assert draft.timers[key] is None
