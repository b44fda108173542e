"""Members that speak the classic protocol inside a consumer group: JoinGroup, SyncGroup, Heartbeat, LeaveGroup.

The coordinator assigns for them too; a member epoch is their generation. REBALANCE_IN_PROGRESS makes them join again, and
JoinGroup is where they say what they have, as others do in heartbeats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer import subscriptions
from neuraxis.broker.coordinators.group.consumer.departure import remove_members
from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft
from neuraxis.broker.coordinators.group.consumer.heartbeat import (
    fenced_instance,
    replace_static,
    unknown_member,
)
from neuraxis.broker.coordinators.group.consumer.protocol import (
    PROTOCOL_TYPE,
    read_subscription,
    version_of,
    write_assignment,
)
from neuraxis.broker.coordinators.group.consumer.reconcile import reconcile
from neuraxis.broker.coordinators.group.consumer.state import ClassicMetadata, ConsumerMember, MemberState
from neuraxis.broker.coordinators.group.draft import PROTOCOL_NAME_NULLABLE_FROM
from neuraxis.broker.coordinators.group.join import MEMBER_ID_REQUIRED_FROM, validate_join
from neuraxis.broker.coordinators.group.members import MEMBERS_FROM
from neuraxis.broker.coordinators.group.state import JOIN_TIMER, SYNC_TIMER
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.wire import codec
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.heartbeat import HeartbeatResponse
from neuraxis.wire.messages.join_group import JoinGroupResponse
from neuraxis.wire.messages.leave_group import LeaveGroupResponse, MemberResponse
from neuraxis.wire.messages.sync_group import SyncGroupResponse

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.commands import Heartbeat, JoinGroup, LeaveGroup, SyncGroup
    from neuraxis.broker.coordinators.group.facts import Fact
    from neuraxis.broker.coordinators.group.notes import Note

    Result = Outcome[Fact | Note]


def join(draft: ConsumerDraft, command: JoinGroup) -> Result:
    """Decide a JoinGroup to a consumer group that has members; it is answered at once."""
    try:
        return _join(draft, command)
    except Refused as refused:
        return _refuse_join(command, refused.code, command.member_id)


def _refuse_join(command: JoinGroup, code: int, member_id: str) -> Result:
    name = None if command.api_version >= PROTOCOL_NAME_NULLABLE_FROM else ""
    body = JoinGroupResponse(error_code=code, protocol_name=name, member_id=member_id)
    return Outcome(replies=(Reply(command.token, body),))


def _join(draft: ConsumerDraft, command: JoinGroup) -> Result:
    code = validate_join(draft.settings, command)
    if code is not None:
        raise Refused(code)
    dynamic = command.group_instance_id is None
    prefix = command.client_id if dynamic else command.group_instance_id
    member_id = command.member_id or f"{prefix}-{command.unique}"
    if len(draft.base.members) >= draft.settings.consumer_max_size and draft.member(member_id) is None:
        return _refuse_join(command, ErrorCode.GROUP_MAX_SIZE_REACHED, "")
    if not _supports(draft, command):
        raise Refused(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    if not command.member_id and dynamic and command.api_version >= MEMBER_ID_REQUIRED_FROM:
        return _refuse_join(command, ErrorCode.MEMBER_ID_REQUIRED, member_id)
    known = _joining_member(draft, command, member_id)
    try:
        said = read_subscription(command.protocols[0][1], draft.view)
    except codec.Malformed as error:
        raise Refused(ErrorCode.INCONSISTENT_GROUP_PROTOCOL) from error
    member = ConsumerMember(
        member_id,
        command.group_instance_id if not dynamic else known.instance_id,
        said.rack_id if said.rack_id is not None else known.rack_id,
        command.client_id,
        command.client_host,
        said.topic_names,
        "",
        command.rebalance_timeout_ms,
        known.server_assignor,
        ClassicMetadata(command.session_timeout_ms, command.protocols),
    )
    changed = subscriptions.update(draft, member)
    subscriptions.assign_if_due(draft)
    current = reconcile(draft, member, said.owned, changed=changed)
    draft.set_timer(member_id, command.session_timeout_ms)
    draft.set_timer((SYNC_TIMER, member_id), command.rebalance_timeout_ms)
    draft.timers[JOIN_TIMER, member_id] = None
    body = JoinGroupResponse(
        generation_id=current.member_epoch,
        protocol_type=PROTOCOL_TYPE,
        protocol_name=command.protocols[0][0],
        member_id=member_id,
    )
    draft.replies.append(Reply(command.token, body))
    return draft.outcome()


def _supports(draft: ConsumerDraft, command: JoinGroup) -> bool:
    """Whether the member speaks the protocol of consumers, and an assignor that all other classic members know."""
    if command.protocol_type != PROTOCOL_TYPE or not command.protocols:
        return False
    others = [
        {name for name, _ in member.classic.protocols}
        for member in draft.members().values()
        if member.classic is not None
    ]
    return any(all(name in known for known in others) for name, _ in command.protocols)


def _joining_member(draft: ConsumerDraft, command: JoinGroup, member_id: str) -> ConsumerMember:
    instance_id = command.group_instance_id
    if instance_id is not None:
        holder = draft.holder(instance_id)
        if holder is not None and not command.member_id:
            return replace_static(draft, holder, member_id)
        if holder is None and command.member_id:
            raise unknown_member(draft.group_id, member_id)
        if holder is not None and holder.member_id != member_id:
            raise fenced_instance(instance_id, holder.member_id)
    return draft.member(member_id) or ConsumerMember(member_id)


def _classic_member(
    draft: ConsumerDraft, member_id: str, instance_id: str | None, generation_id: int
) -> ConsumerMember:
    member = _member(draft, member_id, instance_id)
    if member.classic is None:
        raise unknown_member(draft.group_id, member_id)
    if generation_id != draft.current(member_id).member_epoch:
        raise Refused(ErrorCode.ILLEGAL_GENERATION)
    return member


def _member(draft: ConsumerDraft, member_id: str, instance_id: str | None) -> ConsumerMember:
    if instance_id is not None:
        holder = draft.holder(instance_id)
        if holder is None:
            raise unknown_member(draft.group_id, member_id)
        if holder.member_id != member_id:
            raise fenced_instance(instance_id, holder.member_id)
    member = draft.member(member_id)
    if member is None:
        raise unknown_member(draft.group_id, member_id)
    return member


def sync(draft: ConsumerDraft, command: SyncGroup) -> Result:
    """Decide a SyncGroup: the answer holds what the member has now."""
    try:
        member = _classic_member(draft, command.member_id, command.group_instance_id, command.generation_id)
        assert member.classic is not None
        current = draft.current(member.member_id)
        name, metadata = member.classic.protocols[0]
        types = command.protocol_type in (None, PROTOCOL_TYPE)
        if not types or command.protocol_name not in (None, name):
            raise Refused(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        if (
            draft.assignment_epoch > current.member_epoch
            and current.state is not MemberState.UNREVOKED_PARTITIONS
        ):
            _must_join(draft, member)
            body = SyncGroupResponse(error_code=ErrorCode.REBALANCE_IN_PROGRESS)
        else:
            assignment = write_assignment(current.assigned, version_of(metadata), draft.view)
            draft.timers[SYNC_TIMER, member.member_id] = None
            draft.set_timer(member.member_id, member.classic.session_timeout_ms)
            body = SyncGroupResponse(protocol_type=PROTOCOL_TYPE, protocol_name=name, assignment=assignment)
    except Refused as refused:
        return Outcome(replies=(Reply(command.token, SyncGroupResponse(error_code=refused.code)),))
    draft.replies.append(Reply(command.token, body))
    return draft.outcome()


def heartbeat(draft: ConsumerDraft, command: Heartbeat) -> Result:
    """Decide a Heartbeat: 27 sends the member to JoinGroup, to let go or to take."""
    try:
        member = _classic_member(draft, command.member_id, command.group_instance_id, command.generation_id)
    except Refused as refused:
        return Outcome(replies=(Reply(command.token, HeartbeatResponse(error_code=refused.code)),))
    assert member.classic is not None
    if draft.epoch > draft.assignment_epoch and all(each.classic for each in draft.members().values()):
        subscriptions.assign_if_due(draft)  # nobody sends the heartbeats that would do it
    current = draft.current(member.member_id)
    code = ErrorCode.NONE
    if (
        current.member_epoch < draft.assignment_epoch
        or current.state is MemberState.UNREVOKED_PARTITIONS
        or (current.state is MemberState.UNRELEASED_PARTITIONS and not _waits(draft, member))
    ):
        code = ErrorCode.REBALANCE_IN_PROGRESS
        _must_join(draft, member)
    draft.set_timer(member.member_id, member.classic.session_timeout_ms)
    draft.replies.append(Reply(command.token, HeartbeatResponse(error_code=code)))
    return draft.outcome()


def _must_join(draft: ConsumerDraft, member: ConsumerMember) -> None:
    """It has its rebalance timeout to join again, counted from the first time it was told."""
    key = (JOIN_TIMER, member.member_id)
    if key not in draft.running:
        draft.set_timer(key, member.rebalance_timeout_ms)


def _waits(draft: ConsumerDraft, member: ConsumerMember) -> bool:
    """Whether something that the member is to have is still in other hands."""
    assigned = draft.current(member.member_id).assigned
    return any(
        draft.is_owned(topic_id, partition, member.member_id)
        for topic_id, partitions in draft.target(member.member_id).items()
        for partition in partitions
        if partition not in assigned.get(topic_id, {})
    )


def leave(draft: ConsumerDraft, command: LeaveGroup) -> Result:
    """Decide a LeaveGroup: all members it names leave at once."""
    leaving: dict[str, None] = {}
    responses = []
    for member_id, instance_id in command.members:
        code = ErrorCode.NONE
        try:
            leaving[_leaving(draft, member_id, instance_id)] = None
        except Refused as refused:
            code = refused.code
        responses.append(MemberResponse(member_id, instance_id, code))
    body = LeaveGroupResponse(members=responses)
    if command.api_version < MEMBERS_FROM:
        body = LeaveGroupResponse(error_code=responses[0].error_code)
    draft.replies.append(Reply(command.token, body))
    return remove_members(draft, leaving) if leaving else Outcome(replies=tuple(draft.replies))


def _leaving(draft: ConsumerDraft, member_id: str, instance_id: str | None) -> str:
    if not member_id:
        # An administrator removes whoever holds the instance id, in whichever protocol.
        holder = draft.holder(instance_id) if instance_id is not None else None
        if holder is None:
            raise unknown_member(draft.group_id, member_id)
        return holder.member_id
    return _member(draft, member_id, instance_id).member_id
