"""What is read of consumer groups: ConsumerGroupDescribe. Rule of the file: nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer.state import NEW
from neuraxis.broker.coordinators.group.consumer.subscriptions import preferred_assignor
from neuraxis.wire.messages.consumer_group_describe import Assignment, DescribedGroup, Member, TopicPartitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from neuraxis.broker.coordinators.group.consumer.state import ConsumerGroup, ConsumerMember, Current
    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.group.settings import GroupSettings

CLASSIC_MEMBER, CONSUMER_MEMBER = 0, 1


def described(group_id: str, group: ConsumerGroup, settings: GroupSettings, view: View) -> DescribedGroup:
    """A group as ConsumerGroupDescribe shows it."""
    return DescribedGroup(
        group_id=group_id,
        group_state=group.phase(),
        group_epoch=group.epoch,
        assignment_epoch=group.assignment_epoch,
        assignor_name=preferred_assignor(group.members, settings.consumer_assignors),
        members=[_member(group, member, view) for member in group.members.values()],
    )


def _member(group: ConsumerGroup, member: ConsumerMember, view: View) -> Member:
    current = group.current.get(member.member_id, NEW)
    return Member(
        member_id=member.member_id,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        member_epoch=current.member_epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=list(member.topic_names),
        subscribed_topic_regex=member.topic_regex,
        assignment=_assignment(_held(current), view),
        target_assignment=_assignment(group.targets.get(member.member_id, {}), view),
        member_type=CONSUMER_MEMBER if member.classic is None else CLASSIC_MEMBER,
    )


def _held(current: Current) -> dict[bytes, list[int]]:
    """All that a member has: also what it was told to let go, until it has."""
    found: dict[bytes, list[int]] = {}
    for held in (current.assigned, current.revoking):
        for topic_id, partitions in held.items():
            found.setdefault(topic_id, []).extend(partitions)
    return found


def _assignment(partitions: Mapping[bytes, Iterable[int]], view: View) -> Assignment:
    topics = []
    for topic_id, found in partitions.items():
        topic = view.topic_by_id(topic_id)
        if topic is not None:
            topics.append(TopicPartitions(topic_id, topic.name, sorted(found)))
    return Assignment(topics)
