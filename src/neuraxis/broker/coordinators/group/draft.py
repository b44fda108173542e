"""A group while one command changes it: a private copy, and what is to be written, timed and answered in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.facts import Fact, GroupMetadata, MetadataFact, StoredMember
from neuraxis.broker.coordinators.group.notes import MembershipChanged, Note
from neuraxis.broker.coordinators.group.state import (
    Member,
    Membership,
    Phase,
    TimerKey,
    Waiting,
    membership_of,
)
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.wire.messages.join_group import JoinGroupResponse
from neuraxis.wire.messages.sync_group import SyncGroupResponse

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.settings import GroupSettings
    from neuraxis.broker.coordinators.group.state import Group
    from neuraxis.broker.work import Now

PROTOCOL_NAME_NULLABLE_FROM = 7
"""JoinGroup answers before this version cannot carry a null protocol name; they carry an empty one."""


class Draft:
    """One group under change. `membership` may be changed freely; `outcome` says what came of it."""

    def __init__(self, group_id: str, group: Group | None, settings: GroupSettings, now: Now) -> None:
        self.group_id = group_id
        self.settings = settings
        self.now = now
        self.membership: Membership = membership_of(group).copy()
        self.stored = None if group is None else group.stored
        self.replies: list[Reply] = []
        self.records: list[Fact] = []
        self.timers: dict[TimerKey, int | None] = {}
        self._write_metadata = False

    # ---- what is to be done in the end -------------------------------------------------------------------------

    def create(self) -> None:
        """Write the record of a new, empty group: it exists from now on, whatever becomes of the join."""
        self.membership.state_timestamp_ms = self.now.wall_ms
        self.records.append(MetadataFact(self.group_id, GroupMetadata("", 0, None, None, self.now.wall_ms)))

    def store(self) -> None:
        """Write the record of the group as it will be at the end of this command."""
        self._write_metadata = True

    def outcome(self) -> Outcome[Fact | Note]:
        """Everything that is to be written, noted and answered."""
        records = list(self.records)
        if self._write_metadata:
            records.append(MetadataFact(self.group_id, self.metadata()))
        elif self.records == [] and (left := self._without_the_departed()) is not None:
            records.append(MetadataFact(self.group_id, left))
        changed = MembershipChanged(self.group_id, self.membership, tuple(self.timers.items()))
        return Outcome(tuple(records), (changed,), tuple(self.replies))

    def _without_the_departed(self) -> GroupMetadata | None:
        """The stored generation less the members that are gone from it; None if all are there.

        Kafka writes nothing until the next generation is stable, so a member that left comes back with a restart and is
        waited for, a whole session after each. No leader: the rebalance that the departure began is to go on.
        """
        if self.stored is None:
            return None
        members = tuple(each for each in self.stored.members if each.member_id in self.membership.members)
        if len(members) == len(self.stored.members):
            return None
        return replace(self.stored, members=members, leader=None)

    def metadata(self) -> GroupMetadata:
        """The group as its record keeps it."""
        membership = self.membership
        members = tuple(
            StoredMember(
                member.member_id,
                member.group_instance_id,
                member.client_id,
                member.client_host,
                member.rebalance_timeout_ms,
                member.session_timeout_ms,
                member.metadata(membership.protocol_name),
                member.assignment,
            )
            for member in membership.members.values()
        )
        return GroupMetadata(
            membership.protocol_type or "",
            membership.generation_id,
            membership.protocol_name,
            membership.leader,
            membership.state_timestamp_ms,
            members,
        )

    # ---- timers ------------------------------------------------------------------------------------------------

    def set_timer(self, key: TimerKey, delay_ms: int) -> None:
        """The timer is due after this long."""
        self.timers[key] = self.now.mono_ms + delay_ms

    def cancel_timer(self, key: TimerKey) -> None:
        """The timer is not due any more."""
        self.timers[key] = None

    # ---- answers -----------------------------------------------------------------------------------------------

    def answer_join(self, waiting: Waiting, body: JoinGroupResponse) -> None:
        """Answer a JoinGroup in a form its version can carry."""
        if body.protocol_name is None and waiting.api_version < PROTOCOL_NAME_NULLABLE_FROM:
            body.protocol_name = ""
        self.replies.append(Reply(waiting.token, body))

    def refuse_join(self, waiting: Waiting, code: int, member_id: str = "") -> None:
        """Answer a JoinGroup with an error."""
        self.answer_join(waiting, JoinGroupResponse(error_code=code, protocol_name=None, member_id=member_id))

    def refuse_sync(self, waiting: Waiting, code: int) -> None:
        """Answer a SyncGroup with an error."""
        self.replies.append(Reply(waiting.token, SyncGroupResponse(error_code=code)))

    # ---- members -----------------------------------------------------------------------------------------------

    def enter(self, phase: Phase) -> None:
        """The group is in this phase from now on."""
        self.membership.phase = phase
        self.membership.state_timestamp_ms = self.now.wall_ms

    def put(self, member: Member) -> None:
        """Add a member, or replace the one with its id; keeps the counts right."""
        membership = self.membership
        self._uncount(membership.members.get(member.member_id))
        membership.members[member.member_id] = member
        for name in {name for name, _ in member.protocols}:
            membership.protocol_counts[name] = membership.protocol_counts.get(name, 0) + 1
        if member.joining is not None:
            membership.joining += 1
        if member.group_instance_id is not None:
            membership.static_members[member.group_instance_id] = member.member_id
        if membership.leader is None:
            membership.leader = member.member_id

    def change(self, member_id: str, **changes: object) -> Member:
        """Replace some attributes of a member."""
        changed = replace(self.membership.members[member_id], **changes)  # type: ignore[arg-type]  # attribute names
        self.put(changed)
        return changed

    def remove(self, member_id: str, code: int) -> None:
        """Take a member out; its parked calls get the error. A leader's place goes to the oldest member left."""
        membership = self.membership
        member = membership.members[member_id]
        self.refuse_waiting(member, code, "")
        self._uncount(membership.members.pop(member_id))
        instance = member.group_instance_id
        if instance is not None and membership.static_members.get(instance) == member_id:
            del membership.static_members[instance]
        membership.unsynced.pop(member_id, None)
        if membership.leader == member_id:
            membership.leader = next(iter(membership.members), None)
        self.cancel_timer(member_id)

    def refuse_waiting(self, member: Member, code: int, member_id: str) -> None:
        """Answer the parked calls of a member with an error; the caller takes them off the member."""
        if member.joining is not None:
            self.refuse_join(member.joining, code, member_id)
        if member.syncing is not None:
            self.refuse_sync(member.syncing, code)

    def _uncount(self, member: Member | None) -> None:
        if member is None:
            return
        counts = self.membership.protocol_counts
        for name in {name for name, _ in member.protocols}:
            counts[name] -= 1
            if not counts[name]:
                del counts[name]
        if member.joining is not None:
            self.membership.joining -= 1
