"""A consumer group while one command changes it: what is written goes to records and is seen at once, the group is not touched.

Rule of the file: `put` methods write a record only where something changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer.facts import (
    ConsumerFact,
    CurrentFact,
    EpochFact,
    MemberFact,
    RegexFact,
    TargetEpochFact,
    TargetFact,
)
from neuraxis.broker.coordinators.group.consumer.state import (
    NEW,
    ConsumerGroup,
    ConsumerMember,
    Current,
    MemberState,
    ResolvedRegex,
    Target,
)
from neuraxis.broker.coordinators.group.state import JOIN_TIMER, REBALANCE_TIMER, SYNC_TIMER
from neuraxis.broker.coordinators.machine import Outcome, Reply

if TYPE_CHECKING:
    from collections.abc import Collection

    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.group.facts import Fact
    from neuraxis.broker.coordinators.group.notes import Note
    from neuraxis.broker.coordinators.group.settings import GroupSettings
    from neuraxis.broker.coordinators.group.state import TimerKey
    from neuraxis.broker.work import Now


@dataclass(frozen=True, slots=True)
class ConsumerGroupSeen:
    """Soft state of a consumer group: timers are set (deadline) or cancelled (None); what `ConsumerGroup.checked` is now."""

    group_id: str
    timers: tuple[tuple[TimerKey, int | None], ...]
    checked: int | None


class ConsumerDraft:
    """One consumer group under change. `base` is the group as it is; everything is read through the draft.

    `running` are the keys of the timers that are set.
    """

    def __init__(
        self,
        group_id: str,
        base: ConsumerGroup,
        settings: GroupSettings,
        view: View,
        now: Now,
        running: Collection[TimerKey] = (),
    ) -> None:
        self.group_id = group_id
        self.base = base
        self.settings = settings
        self.view = view
        self.now = now
        self.running = running
        self.epoch = base.epoch
        self.metadata_hash = base.metadata_hash
        self.assignment_epoch = base.assignment_epoch
        self.assigned_at_ms = base.assigned_at_ms
        self.checked = base.checked
        self.records: list[Fact] = []
        self.replies: list[Reply] = []
        self.timers: dict[TimerKey, int | None] = {}
        self._members: dict[str, ConsumerMember | None] = {}
        self._targets: dict[str, Target] = {}
        self._current: dict[str, Current] = {}
        self._regexes: dict[str, ResolvedRegex | None] = {}
        self._gone: set[str] = set()

    def outcome(self) -> Outcome[Fact | Note]:
        """Everything that is to be written, noted and answered."""
        seen = ConsumerGroupSeen(self.group_id, tuple(self.timers.items()), self.checked)
        return Outcome(tuple(self.records), (seen,), tuple(self.replies))

    # ---- reading -----------------------------------------------------------------------------------------------

    def member(self, member_id: str) -> ConsumerMember | None:
        """The member of this id."""
        if member_id in self._members:
            return self._members[member_id]
        return self.base.members.get(member_id)

    def members(self) -> dict[str, ConsumerMember]:
        """All members."""
        if not self._members:
            return self.base.members
        found: dict[str, ConsumerMember] = {}
        for member_id, member in (self.base.members | self._members).items():
            if member is not None:
                found[member_id] = member
        return found

    def holder(self, instance_id: str) -> ConsumerMember | None:
        """The member that has this instance id."""
        for member in self._members.values():
            if member is not None and member.instance_id == instance_id:
                return member
        return self.member(self.base.static_members.get(instance_id, ""))

    def current(self, member_id: str) -> Current:
        """What a member has."""
        return self._known_current(member_id) or NEW

    def _known_current(self, member_id: str) -> Current | None:
        found = self._current.get(member_id)
        if found is None and member_id not in self._gone:
            found = self.base.current.get(member_id)
        return found

    def target(self, member_id: str) -> Target:
        """What a member is to have."""
        return self._known_target(member_id) or {}

    def _known_target(self, member_id: str) -> Target | None:
        found = self._targets.get(member_id)
        if found is None and member_id not in self._gone:
            found = self.base.targets.get(member_id)
        return found

    def regex(self, pattern: str) -> ResolvedRegex | None:
        """What a regular expression of the group matched."""
        return self._regexes[pattern] if pattern in self._regexes else self.base.regexes.get(pattern)

    def regexes(self) -> set[str]:
        """All regular expressions of the group."""
        return {pattern for pattern in {**self.base.regexes, **self._regexes} if self.regex(pattern)}

    def topics_of(self, member: ConsumerMember) -> frozenset[str]:
        """All topics a member is subscribed to."""
        resolved = self.regex(member.topic_regex) if member.topic_regex else None
        return frozenset(member.topic_names).union(resolved.topics if resolved is not None else ())

    def is_owned(self, topic_id: bytes, partition: int, member_id: str) -> bool:
        """Whether somebody has a partition: another member, or this one, that was told to let it go."""
        owner = self.base.owners.get(topic_id, {}).get(partition)
        if owner is None or (owner in self._members and self._members[owner] is None):
            return False
        return owner != member_id or partition in self.current(member_id).revoking.get(topic_id, {})

    # ---- writing -----------------------------------------------------------------------------------------------

    def write(self, fact: ConsumerFact) -> None:
        """Have a fact written."""
        self.records.append(fact)

    def put_member(self, member: ConsumerMember) -> None:
        """The member describes itself so."""
        if self.member(member.member_id) != member:
            self._members[member.member_id] = member
            self.write(MemberFact(self.group_id, member.member_id, member))

    def put_target(self, member_id: str, target: Target) -> None:
        """The member is to have this."""
        known = self._known_target(member_id)
        if known != target and (known is not None or target):
            self._targets[member_id] = target
            self.write(TargetFact(self.group_id, member_id, target))

    def put_current(self, member: ConsumerMember, current: Current) -> None:
        """The member has this now; one that must let go has its rebalance timeout for it."""
        if self._known_current(member.member_id) == current:
            return
        self._current[member.member_id] = current
        self.write(CurrentFact(self.group_id, member.member_id, current))
        key = (REBALANCE_TIMER, member.member_id)
        if current.state is MemberState.UNREVOKED_PARTITIONS:
            self.set_timer(key, member.rebalance_timeout_ms)
        else:
            self.timers[key] = None

    def put_regex(self, pattern: str, resolved: ResolvedRegex | None) -> None:
        """The regular expression matched this; None: nobody uses it."""
        known = self.regex(pattern)
        if known is None and resolved is None:
            return
        if known is not None and resolved is not None and known.topics == resolved.topics:
            return
        self._regexes[pattern] = resolved
        self.write(RegexFact(self.group_id, pattern, resolved))

    def put_epoch(self, epoch: int, metadata_hash: int) -> None:
        """The group has this epoch now."""
        self.epoch, self.metadata_hash = epoch, metadata_hash
        self.write(EpochFact(self.group_id, (epoch, metadata_hash)))

    def put_assignment_epoch(self, epoch: int, at_ms: int) -> None:
        """The target assignment was made for this epoch, at this time (wall clock; 0: the next one is due at once)."""
        self.assignment_epoch, self.assigned_at_ms = epoch, at_ms
        self.write(TargetEpochFact(self.group_id, (epoch, at_ms)))

    def remove(self, member_id: str) -> None:
        """The member is no member any more; what it had is free."""
        self._members[member_id] = None
        self._gone.add(member_id)
        self.write(CurrentFact(self.group_id, member_id, None))
        self.write(TargetFact(self.group_id, member_id, None))
        self.write(MemberFact(self.group_id, member_id, None))
        self._current.pop(member_id, None)
        self._targets.pop(member_id, None)
        self.timers[member_id] = None
        for kind in (REBALANCE_TIMER, JOIN_TIMER, SYNC_TIMER):
            self.timers[kind, member_id] = None

    # ---- timers ------------------------------------------------------------------------------------------------

    def set_timer(self, key: TimerKey, delay_ms: int) -> None:
        """The timer is due after this long."""
        self.timers[key] = self.now.mono_ms + delay_ms

    def session_ms(self, member: ConsumerMember) -> int:
        """How long the silence of a member may last."""
        if member.classic is not None:
            return member.classic.session_timeout_ms
        return self.view.group_config(self.group_id, "consumer.session.timeout.ms")
