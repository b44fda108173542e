"""The group coordinator as a machine: commands to their rules, facts to their records. The rules are beside it.

`join`, `members`, `offsets` and `expiry` decide; `rebalance` is what several of them lead to; `notes.apply` writes; `facts`
are what the log keeps; `queries` only read. Groups of the newer protocol (KIP-848) have their rules in `consumer`, streams
groups in `coordinators/streams`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from neuraxis.broker.coordinators.group import expiry, facts, join, members, notes, offsets, transactional
from neuraxis.broker.coordinators.group.commands import (
    CommitOffsets,
    DeleteGroup,
    DeleteOffsets,
    ForgetTopic,
    Heartbeat,
    JoinGroup,
    LeaveGroup,
    SyncGroup,
)
from neuraxis.broker.coordinators.group.consumer import classic as consumer_classic
from neuraxis.broker.coordinators.group.consumer import facts as consumer_facts
from neuraxis.broker.coordinators.group.consumer import heartbeat as consumer_heartbeat
from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft, ConsumerGroupSeen
from neuraxis.broker.coordinators.group.consumer.heartbeat import ConsumerHeartbeat
from neuraxis.broker.coordinators.group.consumer.state import MemberState
from neuraxis.broker.coordinators.group.consumer.view import NoView
from neuraxis.broker.coordinators.group.draft import PROTOCOL_NAME_NULLABLE_FROM
from neuraxis.broker.coordinators.group.facts import Fact, GroupMetadata, MetadataFact, OffsetFact
from neuraxis.broker.coordinators.group.notes import MembershipChanged, Note, Resumed
from neuraxis.broker.coordinators.group.settings import GroupSettings
from neuraxis.broker.coordinators.group.state import (
    JOIN_TIMER,
    REBALANCE_TIMER,
    GroupState,
    Phase,
    TimerKey,
    membership_as_stored,
)
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.streams import facts as streams_facts
from neuraxis.broker.coordinators.streams import machine as streams_machine
from neuraxis.broker.coordinators.streams.commands import StreamsHeartbeat
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.join_group import JoinGroupResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from neuraxis.broker.coordinators.group.consumer.state import ConsumerGroup
    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.group.settings import Settings
    from neuraxis.broker.coordinators.group.state import Group
    from neuraxis.broker.coordinators.streams.state import StreamsGroup
    from neuraxis.broker.work import Now

__all__ = ["GroupMachine", "GroupState"]


class GroupMachine:
    """Classic and consumer groups over one partition of `__consumer_offsets`.

    Args:
        settings: the broker's settings; `configure` replaces them.
        partition_exists: whether (topic, partition) exists: commits to others are refused.
        view: the broker's topics and group configs, as consumer groups need them.
    """

    def __init__(
        self, settings: Settings, partition_exists: Callable[[str, int], bool], view: View | None = None
    ) -> None:
        self.settings = GroupSettings.read(settings)
        self._exists = partition_exists
        self.view: View = view or NoView()

    def configure(self, settings: Settings) -> None:
        """Take changed broker configs into force."""
        self.settings = GroupSettings.read(settings)

    def new_state(self) -> GroupState:
        """No groups."""
        return GroupState()

    def decide(
        self, state: GroupState, command: Any, now: Now
    ) -> Outcome[Fact | Note]:  # Any: one of `commands`
        """What a command leads to."""
        settings = self.settings
        if isinstance(command, JoinGroup | SyncGroup | Heartbeat | LeaveGroup):
            group = state.groups.get(command.group_id)
            if group is not None and group.consumer is not None:
                return self._decide_classic_in_consumer(state, group, group.consumer, command, now)
            if group is not None and group.streams is not None and isinstance(command, JoinGroup):
                return self._join_streams(state, group.streams, command, now)
        if isinstance(command, ConsumerHeartbeat):
            return consumer_heartbeat.heartbeat(state, settings, self.view, command, now)
        if isinstance(command, StreamsHeartbeat):
            return streams_machine.decide(state, command, self.view, now)
        return self._decide_common(state, command, now)

    def _decide_common(
        self, state: GroupState, command: Any, now: Now
    ) -> Outcome[Fact | Note]:  # Any: one of `commands`
        settings = self.settings
        match command:
            case Heartbeat():
                return members.heartbeat(state, command, now)
            case CommitOffsets() | transactional.CommitInTransaction():
                return self._commit(state, command, now)
            case JoinGroup():
                return join.join(state, settings, command, now)
            case SyncGroup():
                return members.sync(state, settings, command, now)
            case LeaveGroup():
                return members.leave(state, settings, command, now)
            case DeleteOffsets():
                return offsets.delete_offsets(state, self._exists, command)
            case DeleteGroup():
                return offsets.delete_group(state, command)
            case ForgetTopic():
                return offsets.forget_topic(state, command)
        raise TypeError(f"{type(command).__name__} is not a command of the group coordinator")

    def _commit(
        self, state: GroupState, command: CommitOffsets | transactional.CommitInTransaction, now: Now
    ) -> Outcome[Fact | Note]:
        if isinstance(command, CommitOffsets):
            return offsets.commit(state, self.settings, self._exists, command, now)
        return transactional.commit(state, self.settings, self._exists, command, now)

    def _decide_classic_in_consumer(
        self,
        state: GroupState,
        group: Group,
        consumer: ConsumerGroup,
        command: JoinGroup | SyncGroup | Heartbeat | LeaveGroup,
        now: Now,
    ) -> Outcome[Fact | Note]:
        draft = ConsumerDraft(group.group_id, consumer, self.settings, self.view, now, group.timers.keys())
        match command:
            case Heartbeat():
                return consumer_classic.heartbeat(draft, command)
            case SyncGroup():
                return consumer_classic.sync(draft, command)
            case LeaveGroup():
                return consumer_classic.leave(draft, command)
        if consumer.members:
            return consumer_classic.join(draft, command)
        outcome = join.join(state, self.settings, command, now)
        if not outcome.notes:
            return outcome  # refused
        ended = consumer_facts.tombstones(group.group_id, consumer)
        return _becomes_classic(outcome, group.group_id, ended, now)

    def _join_streams(
        self, state: GroupState, streams: StreamsGroup, command: JoinGroup, now: Now
    ) -> Outcome[Fact | Note]:
        group_id = command.group_id
        if streams.members:
            name = None if command.api_version >= PROTOCOL_NAME_NULLABLE_FROM else ""
            refused = JoinGroupResponse(error_code=ErrorCode.INCONSISTENT_GROUP_PROTOCOL, protocol_name=name)
            return Outcome(replies=(Reply(command.token, refused),))
        outcome = join.join(state, self.settings, command, now)
        if not outcome.notes:
            return outcome  # refused
        return _becomes_classic(outcome, group_id, streams_facts.tombstones(group_id, streams), now)

    def apply(self, state: GroupState, fact: Fact | Note, now: Now) -> None:
        """Write one fact or note into the state."""
        notes.apply(state, fact)

    def resume(self, state: GroupState, now: Now) -> Outcome[Fact | Note]:
        """After a start: members of stable groups go on, each with a full session.

        Positions in topics that are no more are removed: a crash may have come between a topic's deletion and theirs.
        """
        records: list[Fact | Note] = []
        for topic in state.groups_of_topic:
            if not self._exists(topic, 0):
                records.extend(offsets.forget_topic(state, ForgetTopic(topic)).records)
        changes: list[Fact | Note] = [
            Resumed(now, now.mono_ms + self.settings.offsets_retention_check_interval_ms)
        ]
        for group in state.groups.values():
            if group.stored is not None and group.stored.members:
                membership = membership_as_stored(group.stored)
                timers: list[tuple[TimerKey, int | None]] = [
                    (member.member_id, now.mono_ms + member.session_timeout_ms)
                    for member in membership.members.values()
                ]
                if membership.phase is Phase.PREPARING_REBALANCE:
                    timers.append((JOIN_TIMER, now.mono_ms + membership.rebalance_timeout_ms()))
                changes.append(MembershipChanged(group.group_id, membership, tuple(timers)))
            if group.consumer is not None:
                changes.append(self._resumed_consumers(group.group_id, group.consumer, now))
            if group.streams is not None:
                changes.append(streams_machine.resumed(group.group_id, group.streams, self.view, now))
        return Outcome(tuple(records), tuple(changes))

    def _resumed_consumers(self, group_id: str, consumer: ConsumerGroup, now: Now) -> ConsumerGroupSeen:
        draft = ConsumerDraft(group_id, consumer, self.settings, self.view, now)
        for member_id, member in consumer.members.items():
            draft.set_timer(member_id, draft.session_ms(member))
            if draft.current(member_id).state is MemberState.UNREVOKED_PARTITIONS:
                draft.set_timer((REBALANCE_TIMER, member_id), member.rebalance_timeout_ms)
        return ConsumerGroupSeen(group_id, tuple(draft.timers.items()), None)

    def expire(self, state: GroupState, now: Now) -> Outcome[Fact | Note]:
        """What time alone leads to."""
        return expiry.expire(state, self.settings, self.view, now)

    def deadline(self, state: GroupState) -> int | None:
        """The `mono_ms` at which `expire` could matter."""
        return expiry.deadline(state)

    def encode(self, fact: Fact | Note) -> tuple[bytes, bytes | None]:
        """The record of a fact."""
        assert isinstance(fact, Fact), "notes are never written"
        return facts.encode_fact(fact)

    def decode(self, key: bytes, value: bytes | None) -> Fact | None:
        """The fact of a record, or None for records of other kinds of groups."""
        return facts.decode_fact(key, value)

    def facts(self, state: GroupState) -> Iterator[Fact]:
        """Facts whose fold gives the hard state again."""
        for group in state.groups.values():
            if group.stored is not None:
                yield MetadataFact(group.group_id, group.stored)
            for topic, partitions in group.offsets.items():
                for partition, committed in partitions.items():
                    yield OffsetFact(group.group_id, topic, partition, committed)
            if group.consumer is not None:
                yield from consumer_facts.all_of(group.group_id, group.consumer)
            if group.streams is not None:
                yield from streams_facts.all_of(group.group_id, group.streams)


def _becomes_classic(
    outcome: Outcome[Fact | Note], group_id: str, ended: Iterable[Fact], now: Now
) -> Outcome[Fact | Note]:
    """An empty group of a newer kind becomes a classic one with its first member."""
    empty = MetadataFact(group_id, GroupMetadata("", 0, None, None, now.wall_ms))
    return replace(outcome, records=(*ended, empty, *outcome.records))
