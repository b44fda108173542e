"""A share group as a value."""

from __future__ import annotations

from neuraxis.broker.coordinators.share.group import ShareGroup, ShareMember


def test_a_copy_is_changed_alone() -> None:
    group = ShareGroup(members={"m": ShareMember(topic_names=("b", "a"))})
    other = group.copy()
    other.members["n"] = ShareMember(topic_names=("c", "a"))
    assert list(group.members) == ["m"]
    assert other.subscribed_topics() == ["a", "b", "c"]
    assert group.hard() != other.hard()


def test_a_group_is_stable_while_somebody_is_there() -> None:
    assert ShareGroup().phase() == "Empty"
    assert ShareGroup(members={"m": ShareMember()}).phase() == "Stable"
