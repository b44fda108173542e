"""The state of the group coordinator. Hard: `stored`, `offsets`, `consumer` of each group, exactly the fold of the facts.

Soft: memberships (rebalances in progress), timers. Rule of the file: nothing here decides; a `Membership` that a state
holds is never changed, only replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.consumer.state import ConsumerGroup
    from neuraxis.broker.coordinators.group.facts import CommittedOffset, GroupMetadata
    from neuraxis.broker.coordinators.streams.state import StreamsGroup
    from neuraxis.broker.work import Now


class Phase(Enum):
    """Kafka's states of a classic group; a Dead group is one that does not exist."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"


class Waiting(NamedTuple):
    """A parked call: its token, and the version that its answer must fit."""

    token: int
    api_version: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a classic group.

    Attributes:
        protocols: (name, metadata) in the member's order of preference.
        joining: its parked JoinGroup, if any.
        syncing: its parked SyncGroup, if any.
        is_new: it never got an answer, so it cannot send heartbeats; it has `NEW_MEMBER_TIMEOUT_MS`.
    """

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocols: tuple[tuple[str, bytes], ...]
    assignment: bytes = b""
    joining: Waiting | None = None
    syncing: Waiting | None = None
    is_new: bool = False

    def metadata(self, protocol_name: str | None) -> bytes:
        """What the member said under this protocol; empty if it does not support it."""
        for name, metadata in self.protocols:
            if name == protocol_name:
                return metadata
        return b""


@dataclass(slots=True)
class Membership:
    """Who is in a group, and where its rebalance stands.

    Attributes:
        initial: the rebalance under way began from Empty, so it waits for the initial delay, not for all members.
        member_added: a member came during the initial delay, which may then be extended.
        initial_remaining_ms: how much further the initial delay may be extended.
        pending: member ids handed out (79) whose JoinGroup has not come yet.
        unsynced: members of this generation that have not sent SyncGroup yet.
        protocol_counts: how many members support each protocol.
        joining: how many members wait in JoinGroup.
        state_timestamp_ms: when the phase began (wall clock).
    """

    phase: Phase = Phase.EMPTY
    generation_id: int = 0
    protocol_type: str | None = None
    protocol_name: str | None = None
    leader: str | None = None
    state_timestamp_ms: int = -1
    members: dict[str, Member] = field(default_factory=dict)
    static_members: dict[str, str] = field(default_factory=dict)
    pending: dict[str, None] = field(default_factory=dict)
    unsynced: dict[str, None] = field(default_factory=dict)
    protocol_counts: dict[str, int] = field(default_factory=dict)
    joining: int = 0
    initial: bool = False
    member_added: bool = False
    initial_remaining_ms: int = 0

    def copy(self) -> Membership:
        """A copy that may be changed; the members in it are values and shared."""
        return replace(
            self,
            members=dict(self.members),
            static_members=dict(self.static_members),
            pending=dict(self.pending),
            unsynced=dict(self.unsynced),
            protocol_counts=dict(self.protocol_counts),
        )

    def rebalance_timeout_ms(self) -> int:
        """The longest that any member asks for."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    def supports(self, protocol_type: str, names: list[str]) -> bool:
        """Whether a member with these protocols fits the group: one that everybody else supports is among them."""
        if self.phase is Phase.EMPTY:
            return bool(protocol_type) and bool(names)
        return self.protocol_type == protocol_type and any(
            self.protocol_counts.get(name, 0) == len(self.members) for name in names
        )


JOIN_TIMER = 0
SYNC_TIMER = 1
REBALANCE_TIMER = 2
TimerKey = str | int | tuple[int, str]
"""Whose timer: a member id (its session), one of a classic group's two, or a kind and a member of a consumer group."""


@dataclass(slots=True)
class Timer:
    """A deadline, and the one entry of the heap that stands for it; the entry moves on when it comes up too early."""

    due_ms: int
    queued_ms: int


@dataclass(slots=True)
class Group:
    """Everything about one group id. `membership` is None until somebody needs it: then it is as stored.

    `consumer` is there for a consumer group of the newer protocol alone, `streams` for a streams group alone; both have
    neither `stored` nor `membership`.
    """

    group_id: str
    stored: GroupMetadata | None = None
    offsets: dict[str, dict[int, CommittedOffset]] = field(default_factory=dict)
    membership: Membership | None = None
    timers: dict[TimerKey, Timer] = field(default_factory=dict)
    consumer: ConsumerGroup | None = None
    streams: StreamsGroup | None = None


class Due(NamedTuple):
    """An entry of the heap of timers."""

    at_ms: int
    sequence: int
    group_id: str
    key: TimerKey


@dataclass(slots=True)
class GroupState:
    """All groups of one coordinator.

    Attributes:
        groups: by group id.
        groups_of_topic: which groups have offsets in a topic (a dict as an ordered set).
        heap: entries of timers, live and stale.
        cleanup_at_ms: when offsets are next looked at for expiry (monotonic); None before `resume`.
        cleanup_queue: groups still to be looked at in the cleanup under way, last first.
        started: the two clocks at `resume`: how far they drift apart tells a stepped wall clock.
    """

    groups: dict[str, Group] = field(default_factory=dict)
    groups_of_topic: dict[str, dict[str, None]] = field(default_factory=dict)
    heap: list[Due] = field(default_factory=list)
    sequence: int = 0
    swept_size: int = 1024
    cleanup_at_ms: int | None = None
    cleanup_queue: list[str] = field(default_factory=list)
    started: Now | None = None


def membership_of(group: Group | None) -> Membership:
    """The membership of a group (never to be changed): the one in force, or the one that is stored, or an empty one."""
    if group is None:
        return Membership()
    if group.membership is not None:
        return group.membership
    return membership_as_stored(group.stored)


def membership_as_stored(stored: GroupMetadata | None) -> Membership:
    """The membership that a restart goes on with: Stable if there are members, as Kafka takes it.

    If members and no leader are stored, somebody left (`Draft.outcome`): the others are told to join again.
    """
    if stored is None:
        return Membership()
    phase = Phase.STABLE if stored.leader is not None else Phase.PREPARING_REBALANCE
    membership = Membership(
        phase=phase if stored.members else Phase.EMPTY,
        generation_id=stored.generation_id,
        protocol_type=stored.protocol_type or None,
        protocol_name=stored.protocol_name,
        leader=stored.leader,
        state_timestamp_ms=stored.state_timestamp_ms,
    )
    for member in stored.members:
        membership.members[member.member_id] = Member(
            member.member_id,
            member.group_instance_id,
            member.client_id,
            member.client_host,
            member.session_timeout_ms,
            member.rebalance_timeout_ms,
            ((stored.protocol_name or "", member.subscription),),
            member.assignment,
        )
        if member.group_instance_id is not None:
            membership.static_members[member.group_instance_id] = member.member_id
    if stored.members:
        membership.protocol_counts[stored.protocol_name or ""] = len(stored.members)
    return membership


def hard_state(
    state: GroupState,
) -> dict[str, tuple[GroupMetadata | None, dict[str, dict[int, CommittedOffset]], object]]:
    """The part of the state that the log holds, for comparisons in tests and simulations."""
    return {
        group_id: (group.stored, group.offsets, _newer_hard(group))
        for group_id, group in state.groups.items()
        if lasts(group)
    }


def _newer_hard(group: Group) -> object:
    if group.streams is not None:
        return group.streams.hard()
    return group.consumer and group.consumer.hard()


def lasts(group: Group) -> bool:
    """Whether the log still knows the group."""
    newer = group.consumer is not None or group.streams is not None
    return newer or group.stored is not None or bool(group.offsets)
