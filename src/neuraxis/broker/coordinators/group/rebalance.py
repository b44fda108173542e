"""The rebalance of a classic group: prepare, complete, and what the departure of a member leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.settings import ABSENT_RETRY_MS, MAX_RECORD_BYTES
from neuraxis.broker.coordinators.group.state import JOIN_TIMER, SYNC_TIMER, Membership, Phase
from neuraxis.broker.coordinators.machine import Reply
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.join_group import JoinGroupResponse, JoinGroupResponseMember
from neuraxis.wire.messages.sync_group import SyncGroupResponse

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.draft import Draft
    from neuraxis.broker.coordinators.group.state import Member


def after_change(draft: Draft) -> None:
    """The members of the group changed: begin a rebalance, or complete the one under way if nobody is missing."""
    if draft.membership.phase is Phase.PREPARING_REBALANCE:
        complete_if_all_joined(draft)
    else:
        prepare(draft)


def prepare(draft: Draft) -> None:
    """Begin a rebalance: whoever waits for an assignment is told to join again."""
    membership = draft.membership
    if membership.phase is Phase.COMPLETING_REBALANCE:
        reset_assignments(draft, ErrorCode.REBALANCE_IN_PROGRESS)
    draft.cancel_timer(SYNC_TIMER)
    membership.initial = membership.phase is Phase.EMPTY
    draft.enter(Phase.PREPARING_REBALANCE)
    if membership.initial:
        delay_ms = draft.settings.initial_rebalance_delay_ms
        membership.member_added = False
        membership.initial_remaining_ms = max(membership.rebalance_timeout_ms() - delay_ms, 0)
        if delay_ms > 0:
            draft.set_timer(JOIN_TIMER, delay_ms)
        else:
            complete(draft)
    elif _all_joined(membership):
        complete(draft)
    else:
        draft.set_timer(JOIN_TIMER, membership.rebalance_timeout_ms())


def complete_if_all_joined(draft: Draft) -> None:
    """Complete the rebalance under way when nobody is missing. An initial one waits for its delay whoever came."""
    membership = draft.membership
    waits = membership.phase is not Phase.PREPARING_REBALANCE or membership.initial
    if not waits and _all_joined(membership):
        complete(draft)


def join_timer_fired(draft: Draft) -> None:
    """The rebalance timeout, or the initial delay, is over."""
    membership = draft.membership
    if membership.phase is not Phase.PREPARING_REBALANCE:
        return
    if membership.initial and membership.member_added and membership.initial_remaining_ms > 0:
        delay_ms = min(draft.settings.initial_rebalance_delay_ms, membership.initial_remaining_ms)
        membership.member_added = False
        membership.initial_remaining_ms = max(
            membership.initial_remaining_ms - draft.settings.initial_rebalance_delay_ms, 0
        )
        draft.set_timer(JOIN_TIMER, delay_ms)
    else:
        complete(draft)


def sync_timer_fired(draft: Draft) -> None:
    """The members that never asked for their assignment are taken out, and the others join anew."""
    membership = draft.membership
    if membership.phase in (Phase.COMPLETING_REBALANCE, Phase.STABLE) and membership.unsynced:
        for member_id in list(membership.unsynced):
            draft.remove(member_id, ErrorCode.UNKNOWN_MEMBER_ID)
        prepare(draft)


def complete(draft: Draft) -> None:
    """End the joining: the next generation begins with those who are there, and everybody is told."""
    membership = draft.membership
    draft.cancel_timer(JOIN_TIMER)
    for member in list(membership.members.values()):
        if member.joining is None and member.group_instance_id is None:
            draft.remove(member.member_id, ErrorCode.UNKNOWN_MEMBER_ID)
    if membership.members and not _elect_leader(membership):
        # Only static members are left and none of them has come: their sessions will end this, one way or the other.
        draft.set_timer(JOIN_TIMER, max(membership.rebalance_timeout_ms(), ABSENT_RETRY_MS))
        return
    membership.generation_id += 1
    membership.initial = False
    if not membership.members:
        membership.protocol_name = None
        membership.leader = None
        draft.enter(Phase.EMPTY)
        draft.store()
        return
    membership.protocol_name = choose_protocol(membership)
    draft.enter(Phase.COMPLETING_REBALANCE)
    for member in list(membership.members.values()):
        if member.joining is not None:
            draft.answer_join(member.joining, joined(membership, member.member_id))
        draft.change(member.member_id, joining=None, is_new=False)
        membership.unsynced[member.member_id] = None
        draft.set_timer(member.member_id, member.session_timeout_ms)
    draft.set_timer(SYNC_TIMER, membership.rebalance_timeout_ms())


def joined(
    membership: Membership, member_id: str, leader: str | None = None, skip: bool = False
) -> JoinGroupResponse:
    """The answer to a member of the present generation; the leader (as the answer names it) learns of all members."""
    leader = leader or membership.leader or ""
    members = []
    if leader == member_id:
        members = [
            JoinGroupResponseMember(
                member.member_id, member.group_instance_id, member.metadata(membership.protocol_name)
            )
            for member in membership.members.values()
        ]
    return JoinGroupResponse(
        generation_id=membership.generation_id,
        protocol_type=membership.protocol_type,
        protocol_name=membership.protocol_name,
        leader=leader,
        skip_assignment=skip,
        member_id=member_id,
        members=members,
    )


def assign(draft: Draft, assignments: dict[str, bytes]) -> None:
    """The leader has handed in the assignment: the generation is stable, everybody who waits is told."""
    membership = draft.membership
    size = sum(
        len(member.metadata(membership.protocol_name)) + len(assignments.get(member_id, b"")) + 100
        for member_id, member in membership.members.items()
    )
    if size > MAX_RECORD_BYTES:
        reset_assignments(
            draft, ErrorCode.UNKNOWN_SERVER_ERROR
        )  # Kafka's answer to a record too large to be kept
        prepare(draft)
        return
    for member_id, member in list(membership.members.items()):
        assignment = assignments.get(member_id, b"")
        draft.change(member_id, assignment=assignment, syncing=None)
        if member.syncing is not None:
            draft.replies.append(_synced(membership, member, assignment))
            draft.set_timer(member_id, member.session_timeout_ms)
    draft.enter(Phase.STABLE)
    draft.store()


def reset_assignments(draft: Draft, code: int) -> None:
    """Nobody gets an assignment in this generation; everybody who waits for one gets the error."""
    for member_id, member in list(draft.membership.members.items()):
        if member.syncing is not None:
            draft.refuse_sync(member.syncing, code)
            draft.set_timer(member_id, member.session_timeout_ms)
        if member.syncing is not None or member.assignment:
            draft.change(member_id, assignment=b"", syncing=None)


def _synced(membership: Membership, member: Member, assignment: bytes) -> Reply:
    assert member.syncing is not None
    body = SyncGroupResponse(
        protocol_type=membership.protocol_type, protocol_name=membership.protocol_name, assignment=assignment
    )
    return Reply(member.syncing.token, body)


def _all_joined(membership: Membership) -> bool:
    return membership.joining == len(membership.members) and not membership.pending


def _elect_leader(membership: Membership) -> bool:
    """Whether a member that has joined leads; if the leader has not, the first that has takes its place."""
    leader = membership.members.get(membership.leader or "")
    if leader is not None and leader.joining is not None:
        return True
    for member in membership.members.values():
        if member.joining is not None:
            membership.leader = member.member_id
            return True
    return False


def choose_protocol(membership: Membership) -> str:
    """The protocol that most members like best among those that all support; the oldest member decides a tie."""
    everybody = len(membership.members)
    candidates = {name for name, count in membership.protocol_counts.items() if count == everybody}
    votes: dict[str, int] = {}
    for member in membership.members.values():
        vote = next(name for name, _ in member.protocols if name in candidates)
        votes[vote] = votes.get(vote, 0) + 1
    return max(votes, key=votes.__getitem__)
