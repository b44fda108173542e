"""The group coordinator as a machine: commands to their rules, facts to their records. The rules are beside it.

`join`, `members`, `offsets` and `expiry` decide; `rebalance` is what several of them lead to; `notes.apply` writes; `facts`
are what the log keeps; `queries` only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuraxis.broker.coordinators.group import expiry, facts, join, members, notes, offsets
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
from neuraxis.broker.coordinators.group.facts import Fact, MetadataFact, OffsetFact
from neuraxis.broker.coordinators.group.notes import MembershipChanged, Note, Resumed
from neuraxis.broker.coordinators.group.settings import GroupSettings
from neuraxis.broker.coordinators.group.state import GroupState, membership_as_stored
from neuraxis.broker.coordinators.machine import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neuraxis.broker.coordinators.group.settings import Settings
    from neuraxis.broker.work import Now

__all__ = ["GroupMachine", "GroupState"]


class GroupMachine:
    """Classic consumer groups over one partition of `__consumer_offsets`.

    Args:
        settings: the broker's settings; `configure` replaces them.
        partition_exists: whether (topic, partition) exists: commits to others are refused.
    """

    def __init__(self, settings: Settings, partition_exists: Callable[[str, int], bool]) -> None:
        self.settings = GroupSettings.read(settings)
        self._exists = partition_exists

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
        match command:
            case Heartbeat():
                return members.heartbeat(state, command, now)
            case CommitOffsets():
                return offsets.commit(state, settings, self._exists, command, now)
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
                timers = tuple(
                    (member.member_id, now.mono_ms + member.session_timeout_ms)
                    for member in membership.members.values()
                )
                changes.append(MembershipChanged(group.group_id, membership, timers))
        return Outcome(tuple(records), tuple(changes))

    def expire(self, state: GroupState, now: Now) -> Outcome[Fact | Note]:
        """What time alone leads to."""
        return expiry.expire(state, self.settings, now)

    def deadline(self, state: GroupState) -> int | None:
        """The `mono_ms` at which `expire` could matter."""
        return expiry.deadline(state)

    def encode(self, fact: Fact | Note) -> tuple[bytes, bytes | None]:
        """The record of a fact."""
        assert isinstance(fact, OffsetFact | MetadataFact), "notes are never written"
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
