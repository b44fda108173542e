"""What is read of groups: OffsetFetch, ListGroups, DescribeGroups. Rule of the file: nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.coordinators.group.state import Group, GroupState, Member, Phase, membership_of
from neuraxis.wire.messages.describe_groups import DescribedGroup, DescribedGroupMember
from neuraxis.wire.messages.list_groups import ListedGroup

if TYPE_CHECKING:
    from collections.abc import Collection

DEAD = "Dead"
CLASSIC = "classic"
CONSUMER = "consumer"
STREAMS = "streams"
NOT_READY = "NotReady"
"""A state that Kafka shows by this name and takes as `not_ready` in filters; here both are taken."""


class Position(NamedTuple):
    """A stored position as OffsetFetch shows it."""

    offset: int = -1
    leader_epoch: int = -1
    metadata: str = ""


NO_POSITION = Position()
"""What is shown where nothing is stored, also of a group that does not exist (code 0, as Kafka answers)."""


def position(state: GroupState, group_id: str, topic: str, partition: int) -> Position:
    """The stored position of a group in a partition."""
    group = state.groups.get(group_id)
    committed = None if group is None else group.offsets.get(topic, {}).get(partition)
    return (
        NO_POSITION
        if committed is None
        else Position(committed.offset, committed.leader_epoch, committed.metadata)
    )


def positions(state: GroupState, group_id: str) -> dict[str, dict[int, Position]]:
    """All stored positions of a group, by topic and partition."""
    group = state.groups.get(group_id)
    if group is None:
        return {}
    return {
        topic: {
            partition: Position(committed.offset, committed.leader_epoch, committed.metadata)
            for partition, committed in partitions.items()
        }
        for topic, partitions in group.offsets.items()
    }


def listed(state: GroupState, states: Collection[str], types: Collection[str]) -> list[ListedGroup]:
    """The groups in one of the states and of one of the types; case does not matter, an empty filter lets all pass."""
    wanted = {name.lower() for name in states}
    kinds = {name.lower() for name in types}
    found = []
    for group in state.groups.values():
        kind = _kind(group)
        if kinds and kind not in kinds:
            continue
        phase, protocol_type = _summary(group)
        if not wanted or phase.lower() in wanted or (phase == NOT_READY and "not_ready" in wanted):
            found.append(ListedGroup(group.group_id, protocol_type or "", phase, kind))
    return found


def kind_and_phase(group: Group) -> tuple[str, str]:
    """The type of a group and its state, by the names that ListGroups uses."""
    return _kind(group), _summary(group)[0]


def _kind(group: Group) -> str:
    return CONSUMER if group.consumer is not None else STREAMS if group.streams is not None else CLASSIC


def _summary(group: Group) -> tuple[str, str | None]:
    if group.consumer is not None:
        return group.consumer.phase(), CONSUMER
    if group.streams is not None:
        return group.streams.phase(), STREAMS
    phase, protocol_type = _classic_summary(group)
    return phase.value, protocol_type


def _classic_summary(group: Group) -> tuple[Phase, str | None]:
    # Asked of every group there is, so a membership that nobody needed yet is not built for it.
    if group.membership is not None:
        return group.membership.phase, group.membership.protocol_type
    if group.stored is None:
        return Phase.EMPTY, None
    return (Phase.STABLE if group.stored.members else Phase.EMPTY), group.stored.protocol_type


def described(state: GroupState, group_id: str) -> DescribedGroup | None:
    """A group as DescribeGroups shows it; None when there is none, or one that is not classic."""
    group = state.groups.get(group_id)
    if group is None or group.consumer is not None or group.streams is not None:
        return None
    membership = membership_of(group)
    protocol_name = membership.protocol_name if membership.phase is Phase.STABLE else None
    return DescribedGroup(
        group_id=group_id,
        group_state=membership.phase.value,
        protocol_type=membership.protocol_type or "",
        protocol_data=protocol_name or "",
        members=[_member(member, protocol_name) for member in membership.members.values()],
    )


def _member(member: Member, protocol_name: str | None) -> DescribedGroupMember:
    return DescribedGroupMember(
        member_id=member.member_id,
        group_instance_id=member.group_instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        member_metadata=member.metadata(protocol_name),
        member_assignment=member.assignment,
    )
