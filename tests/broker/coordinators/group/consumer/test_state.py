from __future__ import annotations

from neuraxis.broker.coordinators.group.consumer.state import (
    NEW,
    ConsumerGroup,
    ConsumerMember,
    Current,
    MemberState,
    ResolvedRegex,
)


def test_a_group_is_empty_assigning_reconciling_or_stable() -> None:
    group = ConsumerGroup(epoch=2, assignment_epoch=1)
    assert group.phase() == "Empty"
    group.members["m"] = ConsumerMember("m")
    assert group.phase() == "Assigning"
    group.assignment_epoch = 2
    assert group.phase() == "Reconciling"
    group.current["m"] = Current(2, 1, MemberState.UNRELEASED_PARTITIONS)
    assert group.phase() == "Reconciling"
    group.current["m"] = Current(2, 1)
    assert group.phase() == "Stable"


def test_a_member_reads_what_it_named_and_what_its_expression_matched() -> None:
    member = ConsumerMember("m", topic_names=("a",), topic_regex="b.*")
    group = ConsumerGroup(members={"m": member, "n": ConsumerMember("n", topic_names=("c",))})
    assert group.topics_of(member) == {"a"}
    group.regexes["b.*"] = ResolvedRegex(("b1", "b2"), 1, 0)
    assert group.topics_of(member) == {"a", "b1", "b2"}
    assert group.subscribed_topics() == {"a", "b1", "b2", "c"}


def test_a_new_member_is_at_no_epoch() -> None:
    assert not NEW.is_at(1)
    assert NEW.is_at(0)
