"""What is read of share groups: ListGroups, ShareGroupDescribe. Rule of the file: nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.share.group_machine import AllGroupsState
from neuraxis.wire.messages.list_groups import ListedGroup
from neuraxis.wire.messages.share_group_describe import Assignment, DescribedGroup, Member, TopicPartitions

if TYPE_CHECKING:
    from collections.abc import Collection

    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.group.state import GroupState
    from neuraxis.broker.coordinators.share.group import ShareGroup, Target

SHARE = "share"
ASSIGNOR = "simple"


def share_groups(state: GroupState) -> dict[str, ShareGroup]:
    """The share groups of a coordinator."""
    return state.shares if isinstance(state, AllGroupsState) else {}


def listed(state: GroupState, states: Collection[str], types: Collection[str]) -> list[ListedGroup]:
    """The share groups that pass the filters; case does not matter, an empty filter lets all pass."""
    wanted = {name.lower() for name in states}
    if types and SHARE not in {name.lower() for name in types}:
        return []
    return [
        ListedGroup(group_id, SHARE, group.phase(), SHARE)
        for group_id, group in share_groups(state).items()
        if not wanted or group.phase().lower() in wanted
    ]


def described(group_id: str, group: ShareGroup, view: View) -> DescribedGroup:
    """A group as ShareGroupDescribe shows it."""
    return DescribedGroup(
        group_id=group_id,
        group_state=group.phase(),
        group_epoch=group.epoch,
        assignment_epoch=group.assignment_epoch,
        assignor_name=ASSIGNOR,
        members=[_member(group, member_id, view) for member_id in group.members],
    )


def _member(group: ShareGroup, member_id: str, view: View) -> Member:
    member, current = group.members[member_id], group.current.get(member_id)
    return Member(
        member_id=member_id,
        rack_id=member.rack_id,
        member_epoch=0 if current is None else current.member_epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=list(member.topic_names),
        assignment=_assignment({} if current is None else current.assigned, view),
    )


def _assignment(assigned: Target, view: View) -> Assignment:
    topics = []
    for topic_id, partitions in assigned.items():
        topic = view.topic_by_id(topic_id)
        if topic is not None:
            topics.append(TopicPartitions(topic_id, topic.name, list(partitions)))
    return Assignment(topics)
