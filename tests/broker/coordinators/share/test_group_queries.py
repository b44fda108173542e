"""What is read of share groups."""

from __future__ import annotations

from neuraxis.broker.coordinators.group.state import GroupState
from neuraxis.broker.coordinators.share.group_queries import described, listed, share_groups
from tests.broker.coordinators.share.groups import IDS, Groups


def test_groups_are_listed_by_state_and_type() -> None:
    groups = Groups()
    groups.beat("m", 0, "t4")
    groups.beat("m", 0, "t4", group="h")
    groups.beat("m", -1, group="h")
    found = listed(groups.state, (), ())
    assert [(each.group_id, each.group_state, each.group_type, each.protocol_type) for each in found] == [
        ("g", "Stable", "share", "share"),
        ("h", "Empty", "share", "share"),
    ]  # fmt: skip
    assert [each.group_id for each in listed(groups.state, ["stable"], ["Share"])] == ["g"]
    assert listed(groups.state, (), ["consumer"]) == []


def test_a_description_names_the_topics_that_there_are() -> None:
    groups = Groups()
    groups.beat("m", 0, "t1", "t4")
    del groups.topics.counts["t1"]
    found = described("g", groups.group, groups.topics)
    (member,) = found.members
    assert [(each.topic_name, each.topic_id, each.partitions) for each in member.assignment.topic_partitions] == [
        ("t4", IDS["t4"], [0, 1, 2, 3])
    ]  # fmt: skip
    assert (found.group_state, found.group_epoch, found.assignor_name, member.member_epoch) == (
        "Stable",
        2,
        "simple",
        2,
    )


def test_a_coordinator_of_other_groups_has_none() -> None:
    assert share_groups(GroupState()) == {}
