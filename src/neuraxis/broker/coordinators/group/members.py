"""SyncGroup, Heartbeat and LeaveGroup: what members of a classic group do between rebalances (Kafka 4.4's rules)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group import rebalance
from neuraxis.broker.coordinators.group.draft import Draft
from neuraxis.broker.coordinators.group.join import validate_member
from neuraxis.broker.coordinators.group.notes import SessionExtended
from neuraxis.broker.coordinators.group.state import SYNC_TIMER, Membership, Phase, Waiting, membership_of
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.heartbeat import HeartbeatResponse
from neuraxis.wire.messages.leave_group import LeaveGroupResponse, MemberResponse
from neuraxis.wire.messages.sync_group import SyncGroupResponse

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.commands import Heartbeat, LeaveGroup, SyncGroup
    from neuraxis.broker.coordinators.group.facts import Fact
    from neuraxis.broker.coordinators.group.notes import Note
    from neuraxis.broker.coordinators.group.settings import GroupSettings
    from neuraxis.broker.coordinators.group.state import GroupState
    from neuraxis.broker.work import Now

PROTOCOL_REQUIRED_FROM = 5
"""SyncGroup must name protocol type and protocol from this version on."""

MEMBERS_FROM = 3
"""LeaveGroup names several members from this version on; before, one, and its error is the answer's."""


def sync(state: GroupState, settings: GroupSettings, command: SyncGroup, now: Now) -> Outcome[Fact | Note]:
    """Decide a SyncGroup."""
    group = state.groups.get(command.group_id)
    membership = membership_of(group)
    code = _validate_sync(membership, command)
    if code is not None:
        return Outcome(replies=(Reply(command.token, SyncGroupResponse(error_code=code)),))
    member_id = command.member_id
    if membership.phase is Phase.STABLE and member_id not in membership.unsynced:
        return Outcome(replies=(Reply(command.token, _assigned(membership, member_id)),))
    draft = Draft(command.group_id, group, settings, now)
    membership = draft.membership
    membership.unsynced.pop(member_id, None)
    if not membership.unsynced:
        draft.cancel_timer(SYNC_TIMER)
    if membership.phase is Phase.STABLE:
        draft.replies.append(Reply(command.token, _assigned(membership, member_id)))
        return draft.outcome()
    earlier = membership.members[member_id].syncing
    if earlier is not None:
        draft.refuse_sync(earlier, ErrorCode.REBALANCE_IN_PROGRESS)
    draft.change(member_id, syncing=Waiting(command.token, command.api_version))
    if membership.leader == member_id:
        rebalance.assign(draft, dict(command.assignments))
    return draft.outcome()


def _validate_sync(membership: Membership, command: SyncGroup) -> ErrorCode | None:
    if not command.group_id:
        return ErrorCode.INVALID_GROUP_ID
    named = (command.protocol_type, command.protocol_name)
    if command.api_version >= PROTOCOL_REQUIRED_FROM and None in named:
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    code = validate_member(membership, command.member_id, command.group_instance_id)
    if code is not None:
        return code
    if command.generation_id != membership.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    ours = (membership.protocol_type, membership.protocol_name)
    if any(None not in (theirs, our) and theirs != our for theirs, our in zip(named, ours, strict=True)):
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    if membership.phase is Phase.PREPARING_REBALANCE:
        return ErrorCode.REBALANCE_IN_PROGRESS
    return None


def _assigned(membership: Membership, member_id: str) -> SyncGroupResponse:
    return SyncGroupResponse(
        protocol_type=membership.protocol_type,
        protocol_name=membership.protocol_name,
        assignment=membership.members[member_id].assignment,
    )


def heartbeat(state: GroupState, command: Heartbeat, now: Now) -> Outcome[Fact | Note]:
    """Decide a Heartbeat."""
    membership = membership_of(state.groups.get(command.group_id))
    code = _validate_heartbeat(membership, command)
    if code is not None:
        return Outcome(replies=(Reply(command.token, HeartbeatResponse(error_code=code)),))
    preparing = membership.phase is Phase.PREPARING_REBALANCE
    code = ErrorCode.REBALANCE_IN_PROGRESS if preparing else ErrorCode.NONE
    return Outcome(
        notes=(extended(membership, command.group_id, command.member_id, now),),
        replies=(Reply(command.token, HeartbeatResponse(error_code=code)),),
    )


def _validate_heartbeat(membership: Membership, command: Heartbeat) -> ErrorCode | None:
    if not command.group_id:
        return ErrorCode.INVALID_GROUP_ID
    code = validate_member(membership, command.member_id, command.group_instance_id)
    if code is None and command.generation_id != membership.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    return code


def extended(membership: Membership, group_id: str, member_id: str, now: Now) -> SessionExtended:
    """The note that a member was heard."""
    return SessionExtended(
        group_id, member_id, now.mono_ms + membership.members[member_id].session_timeout_ms
    )


def leave(state: GroupState, settings: GroupSettings, command: LeaveGroup, now: Now) -> Outcome[Fact | Note]:
    """Decide a LeaveGroup: all members it names leave before one rebalance begins."""
    if not command.group_id:
        body = LeaveGroupResponse(error_code=ErrorCode.INVALID_GROUP_ID)
        return Outcome(replies=(Reply(command.token, body),))
    draft = Draft(command.group_id, state.groups.get(command.group_id), settings, now)
    left = False
    responses = []
    for member_id, group_instance_id in command.members:
        code = _leave_one(draft, member_id, group_instance_id)
        left = left or code is ErrorCode.NONE
        responses.append(MemberResponse(member_id, group_instance_id, code))
    body = LeaveGroupResponse(members=responses)
    if command.api_version < MEMBERS_FROM:
        body = LeaveGroupResponse(error_code=responses[0].error_code)
    draft.replies.append(Reply(command.token, body))
    if not left:
        return Outcome(replies=tuple(draft.replies))
    if draft.membership.phase is not Phase.EMPTY:
        rebalance.after_change(draft)
    return draft.outcome()


def _leave_one(draft: Draft, member_id: str, group_instance_id: str | None) -> ErrorCode:
    membership = draft.membership
    if not member_id:
        # An administrator removes whoever holds the instance id.
        holder = membership.static_members.get(group_instance_id or "")
        if group_instance_id is None or holder is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        draft.remove(holder, ErrorCode.UNKNOWN_MEMBER_ID)
        return ErrorCode.NONE
    if member_id in membership.pending:
        del membership.pending[member_id]
        draft.cancel_timer(member_id)
        return ErrorCode.NONE
    code = validate_member(membership, member_id, group_instance_id)
    if code is not None:
        return code
    draft.remove(member_id, ErrorCode.UNKNOWN_MEMBER_ID)
    return ErrorCode.NONE
