"""JoinGroup: who may enter a classic group, as whom, and whether that begins a rebalance (Kafka 4.4's rules)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group import rebalance
from neuraxis.broker.coordinators.group.draft import Draft
from neuraxis.broker.coordinators.group.settings import (
    MAX_GROUPS,
    MAX_PENDING_MEMBERS,
    MAX_SUBSCRIPTION_BYTES,
    NEW_MEMBER_TIMEOUT_MS,
    GroupSettings,
)
from neuraxis.broker.coordinators.group.state import Member, Membership, Phase, Waiting
from neuraxis.wire.errors import ErrorCode

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.commands import JoinGroup
    from neuraxis.broker.coordinators.group.facts import Fact
    from neuraxis.broker.coordinators.group.notes import Note
    from neuraxis.broker.coordinators.group.state import GroupState
    from neuraxis.broker.coordinators.machine import Outcome
    from neuraxis.broker.work import Now

MEMBER_ID_REQUIRED_FROM = 4
"""From this version on a dynamic member joins twice: a lost answer then leaves no member behind."""

SKIP_ASSIGNMENT_FROM = 9
"""From this version on a static leader that comes back learns of the members, and that it need not assign."""


def join(state: GroupState, settings: GroupSettings, command: JoinGroup, now: Now) -> Outcome[Fact | Note]:
    """Decide a JoinGroup."""
    group = state.groups.get(command.group_id)
    draft = Draft(command.group_id, group, settings, now)
    waiting = Waiting(command.token, command.api_version)
    code = validate_join(settings, command)
    if code is None and group is None:
        if command.member_id:
            code = ErrorCode.UNKNOWN_MEMBER_ID
        elif len(state.groups) >= MAX_GROUPS:
            code = ErrorCode.POLICY_VIOLATION
    if code is not None:
        draft.refuse_join(waiting, code, command.member_id)
        return _replies_only(draft)
    if group is None:
        draft.create()
    membership = draft.membership
    if not _has_room(membership, settings, command.member_id):
        if command.member_id in membership.members:
            draft.remove(command.member_id, ErrorCode.UNKNOWN_MEMBER_ID)
        membership.pending.pop(command.member_id, None)
        draft.cancel_timer(command.member_id)
        draft.refuse_join(waiting, ErrorCode.GROUP_MAX_SIZE_REACHED)
        rebalance.complete_if_all_joined(draft)
    elif not membership.supports(command.protocol_type, [name for name, _ in command.protocols]):
        draft.refuse_join(waiting, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, command.member_id)
    elif command.member_id:
        _join_existing(draft, command, waiting)
    else:
        _join_new(draft, command, waiting)
    return draft.outcome()


def _replies_only(draft: Draft) -> Outcome[Fact | Note]:
    return replace(draft.outcome(), notes=())


def validate_join(settings: GroupSettings, command: JoinGroup) -> ErrorCode | None:
    """What is wrong with a JoinGroup whatever group it goes to; None: nothing."""
    if not command.group_id:
        return ErrorCode.INVALID_GROUP_ID
    if not settings.min_session_timeout_ms <= command.session_timeout_ms <= settings.max_session_timeout_ms:
        return ErrorCode.INVALID_SESSION_TIMEOUT
    if sum(len(name) + len(metadata) for name, metadata in command.protocols) > MAX_SUBSCRIPTION_BYTES:
        return ErrorCode.UNKNOWN_SERVER_ERROR  # what Kafka says when the group's record becomes too large
    return None


def _has_room(membership: Membership, settings: GroupSettings, member_id: str) -> bool:
    if membership.phase is Phase.EMPTY:
        return len(membership.pending) < MAX_PENDING_MEMBERS or member_id in membership.pending
    member = membership.members.get(member_id)
    if membership.phase is Phase.PREPARING_REBALANCE:
        # Those who wait are counted, not those who are members: so the last to come are the ones without a place.
        return (member is not None and member.joining is not None) or membership.joining < settings.max_size
    return member is not None or len(membership.members) < settings.max_size


def _join_new(draft: Draft, command: JoinGroup, waiting: Waiting) -> None:
    instance = command.group_instance_id
    if instance is None:
        member_id = f"{command.client_id}-{command.unique}"
        if command.api_version < MEMBER_ID_REQUIRED_FROM:
            _add(draft, command, waiting, member_id)
        elif len(draft.membership.pending) >= MAX_PENDING_MEMBERS:
            draft.refuse_join(waiting, ErrorCode.GROUP_MAX_SIZE_REACHED)
        else:
            draft.membership.pending[member_id] = None
            draft.set_timer(member_id, command.session_timeout_ms)
            draft.refuse_join(waiting, ErrorCode.MEMBER_ID_REQUIRED, member_id)
        return
    member_id = f"{instance}-{command.unique}"
    known = draft.membership.static_members.get(instance)
    if known is None:
        _add(draft, command, waiting, member_id)
    else:
        _replace_static(draft, command, waiting, known, member_id)


def _join_existing(draft: Draft, command: JoinGroup, waiting: Waiting) -> None:
    membership = draft.membership
    member_id = command.member_id
    if member_id in membership.pending:
        if command.group_instance_id is not None:  # ids handed out are for dynamic members only
            draft.refuse_join(waiting, ErrorCode.UNKNOWN_SERVER_ERROR)
        else:
            _add(draft, command, waiting, member_id)
        return
    code = validate_member(membership, member_id, command.group_instance_id)
    if code is not None:
        draft.refuse_join(waiting, code, member_id)
        return
    unchanged = membership.members[member_id].protocols == command.protocols
    in_generation = (
        membership.phase is Phase.COMPLETING_REBALANCE
        or (membership.phase is Phase.STABLE and membership.leader != member_id)
    )  # fmt: skip
    if unchanged and in_generation:
        # It has missed the answer, or asks for what has not changed. A leader of a stable group, however, asks
        # because something changed that only it can see (the partitions of a topic, say).
        draft.answer_join(waiting, rebalance.joined(membership, member_id))
        return
    _update(draft, command, waiting, member_id)
    rebalance.after_change(draft)


def validate_member(
    membership: Membership, member_id: str, group_instance_id: str | None
) -> ErrorCode | None:
    """Whether this is a member of the group: 25 if not, 82 if another has taken over its instance id."""
    if group_instance_id is not None:
        holder = membership.static_members.get(group_instance_id)
        if holder is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        if holder != member_id:
            return ErrorCode.FENCED_INSTANCE_ID
    return None if member_id in membership.members else ErrorCode.UNKNOWN_MEMBER_ID


def _add(draft: Draft, command: JoinGroup, waiting: Waiting, member_id: str) -> None:
    membership = draft.membership
    if membership.phase is Phase.PREPARING_REBALANCE and membership.initial:
        membership.member_added = True
    if not membership.members:
        membership.protocol_type = command.protocol_type
    membership.pending.pop(member_id, None)
    draft.put(
        Member(
            member_id,
            command.group_instance_id,
            command.client_id,
            command.client_host,
            command.session_timeout_ms,
            command.rebalance_timeout_ms,
            command.protocols,
            joining=waiting,
            is_new=True,
        )
    )
    draft.set_timer(member_id, NEW_MEMBER_TIMEOUT_MS)
    rebalance.after_change(draft)


def _update(draft: Draft, command: JoinGroup, waiting: Waiting | None, member_id: str) -> None:
    """Take what a known member says of itself now; an older JoinGroup of its, still parked, is told to come again."""
    member = draft.membership.members[member_id]
    if member.joining is not None:
        draft.refuse_join(member.joining, ErrorCode.REBALANCE_IN_PROGRESS, member_id)
    draft.change(
        member_id,
        protocols=command.protocols,
        session_timeout_ms=command.session_timeout_ms,
        rebalance_timeout_ms=command.rebalance_timeout_ms,
        joining=waiting,
    )


def _replace_static(draft: Draft, command: JoinGroup, waiting: Waiting, old_id: str, new_id: str) -> None:
    """A static member came back under a new id: it takes the place, assignment included, and the old id is fenced."""
    membership = draft.membership
    old = membership.members[old_id]
    old_leader = membership.leader
    draft.refuse_waiting(old, ErrorCode.FENCED_INSTANCE_ID, old_id)
    draft.put(replace(old, joining=None, syncing=None))
    draft.put(replace(old, member_id=new_id, joining=None, syncing=None, is_new=False))
    if membership.leader == old_id:
        membership.leader = new_id
    draft.remove(old_id, ErrorCode.FENCED_INSTANCE_ID)
    draft.set_timer(new_id, command.session_timeout_ms)
    if membership.phase is not Phase.STABLE:
        _update(draft, command, waiting, new_id)
        if membership.phase is Phase.COMPLETING_REBALANCE:
            rebalance.prepare(draft)  # the leader knows only the old id and would assign to it
        else:
            rebalance.complete_if_all_joined(draft)
        return
    _update(draft, command, None, new_id)
    if rebalance.choose_protocol(membership) != membership.protocol_name:
        draft.change(new_id, joining=waiting)
        rebalance.after_change(draft)
        return
    draft.store()
    if command.api_version >= SKIP_ASSIGNMENT_FROM:
        body = rebalance.joined(membership, new_id, skip=membership.leader == new_id)
    else:
        body = rebalance.joined(membership, new_id, leader=old_leader)
    draft.answer_join(waiting, body)
