"""The group coordinator with share groups beside the others: they have no offsets, and what else they share is the log.

Rule of the file: a group id belongs to one kind of group. Commands for the other kinds go to the machine below, unchanged.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from neuraxis.broker.coordinators.group.commands import (
    DeleteGroup,
    ForgetTopic,
    Heartbeat,
    JoinGroup,
    LeaveGroup,
    SyncGroup,
)
from neuraxis.broker.coordinators.group.machine import GroupMachine
from neuraxis.broker.coordinators.group.settings import MAX_DUE, MAX_GROUPS
from neuraxis.broker.coordinators.group.state import GroupState
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.share import group_facts
from neuraxis.broker.coordinators.share.group import LEFT, KnownTopic, ShareGroup
from neuraxis.broker.coordinators.share.group_facts import ShareEpochFact, ShareGroupFact, ShareTopicsFact
from neuraxis.broker.coordinators.share.heartbeat import (
    ShareHeartbeat,
    check,
    facts_of,
    heartbeat,
    leave,
    without,
)
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.work import Now

SessionKey = tuple[str, str]
"""Group and member."""


@dataclass(slots=True)
class AllGroupsState(GroupState):
    """All groups of one coordinator.

    Attributes:
        shares: share groups by group id; every other group is in `groups`.
        share_sessions: until when (monotonic) a member of a share group need not be heard.
        share_heap: (time, group, member): no later than each session's end; some are of sessions that are no more.
    """

    shares: dict[str, ShareGroup] = field(default_factory=dict)
    share_sessions: dict[SessionKey, int] = field(default_factory=dict)
    share_heap: list[tuple[int, str, str]] = field(default_factory=list)
    share_queued: dict[SessionKey, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShareTopicsKnown:
    """An administrator gave a group share partitions, or took them away: (topic id, what it is to have; None: nothing)."""

    group_id: str
    topics: tuple[tuple[bytes, KnownTopic | None], ...]
    token: int = 0


@dataclass(frozen=True, slots=True)
class ShareSeen:
    """Members were heard, their sessions last until `due_ms` (None: they are no members any more); what is checked."""

    group_id: str
    checked: int | None
    sessions: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class ShareSessionsFired:
    """The first `count` entries of the heap were looked at, at `now_ms`."""

    count: int
    now_ms: int


Result = Outcome[Any]  # Any: facts and notes of all kinds of groups


class AllGroupsMachine(GroupMachine):
    """Groups of every kind over one partition of `__consumer_offsets`."""

    def new_state(self) -> AllGroupsState:
        """No groups."""
        return AllGroupsState()

    def decide(self, state: GroupState, command: Any, now: Now) -> Result:  # Any: see GroupMachine
        """What a command leads to."""
        assert isinstance(state, AllGroupsState)
        match command:
            case ShareHeartbeat():
                return self._heartbeat(state, command, now)
            case ShareTopicsKnown():
                return self._know_topics(state, command)
            case ForgetTopic():
                outcome: Result = super().decide(state, command, now)
                return replace(outcome, records=(*outcome.records, *_without_topic(state, command.topic)))
        group = state.shares.get(getattr(command, "group_id", ""))
        if group is None:
            return super().decide(state, command, now)
        if isinstance(command, DeleteGroup):
            if group.members:
                raise Refused(
                    ErrorCode.NON_EMPTY_GROUP, f"Group {command.group_id} has members; stop them first."
                )
            gone = tuple(group_facts.tombstones(command.group_id, group))
            return Outcome(gone, (), (Reply(command.token, None),))
        raise _other_kind(command)

    def _heartbeat(self, state: AllGroupsState, command: ShareHeartbeat, now: Now) -> Result:
        check(command)
        group_id, member_id = command.group_id, command.member_id
        if group_id in state.groups:
            raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a share group.")
        group = state.shares.get(group_id)
        if command.member_epoch == LEFT:
            beat = leave(group, command, self.view)
            due_ms = None
        else:
            _check_room(state, group_id)
            beat = heartbeat(group, command, self.view, now)
            due_ms = now.mono_ms + self.view.group_config(group_id, "share.session.timeout.ms")
        seen = ShareSeen(group_id, beat.group.checked, ((member_id, due_ms),))
        replies = (Reply(command.token, beat.body),)
        return Outcome(tuple(facts_of(group_id, group, beat.group)), (seen,), replies)

    def _know_topics(self, state: AllGroupsState, command: ShareTopicsKnown) -> Result:
        if command.group_id in state.groups:
            raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {command.group_id} is not a share group.")
        _check_room(state, command.group_id)
        group = state.shares.get(command.group_id)
        if group is not None and group.members:
            raise Refused(
                ErrorCode.NON_EMPTY_GROUP, f"Group {command.group_id} has members; stop them first."
            )
        after = ShareGroup() if group is None else group.copy()
        after.epoch = after.assignment_epoch = max(after.epoch, 1) if group is None else after.epoch
        for topic_id, known in command.topics:
            if known is None:
                after.topics.pop(topic_id, None)
            else:
                before = after.topics.get(topic_id, KnownTopic(known.name, ()))
                partitions = tuple(sorted({*before.partitions, *known.partitions}))
                after.topics[topic_id] = KnownTopic(known.name, partitions)
        return Outcome(tuple(facts_of(command.group_id, group, after)), (), (Reply(command.token, None),))

    def apply(self, state: GroupState, fact: Any, now: Now) -> None:  # Any: facts and notes of all kinds
        """Write one fact or note into the state."""
        assert isinstance(state, AllGroupsState)
        if isinstance(fact, ShareGroupFact):
            _apply(state, fact)
        elif isinstance(fact, ShareSeen):
            _see(state, fact)
        elif isinstance(fact, ShareSessionsFired):
            _fire(state, fact)
        else:
            super().apply(state, fact, now)

    def resume(self, state: GroupState, now: Now) -> Result:
        """After a start every member has a full session; topics that are no more are forgotten."""
        assert isinstance(state, AllGroupsState)
        outcome: Result = super().resume(state, now)
        gone = [
            ShareTopicsFact(
                group_id, {each: topic for each, topic in group.topics.items() if self.view.topic_by_id(each)}
            )
            for group_id, group in state.shares.items()
            if not all(self.view.topic_by_id(each) for each in group.topics)
        ]
        seen = [
            ShareSeen(group_id, None, tuple((member_id, due_ms) for member_id in group.members))
            for group_id, group in state.shares.items()
            for due_ms in (now.mono_ms + self.view.group_config(group_id, "share.session.timeout.ms"),)
        ]
        return replace(outcome, records=(*outcome.records, *gone), notes=(*outcome.notes, *seen))

    def expire(self, state: GroupState, now: Now) -> Result:
        """What time alone leads to: members of share groups that were not heard are gone."""
        assert isinstance(state, AllGroupsState)
        # Asked first: the machine below may find nothing due, and must not be asked to.
        below = super().deadline(state)
        outcome: Result = (
            super().expire(state, now) if below is not None and below <= now.mono_ms else Outcome()
        )
        due = sorted(entry for entry in state.share_heap if entry[0] <= now.mono_ms)[:MAX_DUE]
        late: dict[str, dict[str, None]] = {}
        for _, group_id, member_id in due:
            until = state.share_sessions.get((group_id, member_id))
            if until is not None and until <= now.mono_ms:
                late.setdefault(group_id, {})[member_id] = None
        records: list[Any] = list(outcome.records)  # Any: see `Result`
        notes: list[Any] = [  # Any: see `Result`
            *outcome.notes,
            ShareSessionsFired(len(due), now.mono_ms),
        ]
        for group_id, member_ids in late.items():
            group = state.shares[group_id]
            after = without(group, member_ids, self.view)
            records.extend(facts_of(group_id, group, after))
            notes.append(ShareSeen(group_id, after.checked, tuple((each, None) for each in member_ids)))
        return replace(outcome, records=tuple(records), notes=tuple(notes))

    def deadline(self, state: GroupState) -> int | None:
        """The `mono_ms` at which `expire` could matter."""
        assert isinstance(state, AllGroupsState)
        below = super().deadline(state)
        if not state.share_heap:
            return below
        first = state.share_heap[0][0]
        return first if below is None else min(first, below)

    def encode(self, fact: Any) -> tuple[bytes, bytes | None]:  # Any: facts of all kinds
        """The record of a fact."""
        return group_facts.encode_fact(fact) if isinstance(fact, ShareGroupFact) else super().encode(fact)

    def decode(self, key: bytes, value: bytes | None) -> Any:  # Any: facts of all kinds
        """The fact of a record, or None for records of kinds of groups that this release does not know."""
        found = group_facts.decode_fact(key, value)
        return super().decode(key, value) if found is None else found

    def facts(self, state: GroupState) -> Iterator[Any]:  # Any: facts of all kinds
        """Facts whose fold gives the hard state again."""
        assert isinstance(state, AllGroupsState)
        yield from super().facts(state)
        for group_id, group in state.shares.items():
            yield from group_facts.all_of(group_id, group)


def _check_room(state: AllGroupsState, group_id: str) -> None:
    if group_id not in state.shares and len(state.groups) + len(state.shares) >= MAX_GROUPS:
        raise Refused(ErrorCode.POLICY_VIOLATION, f"There are {MAX_GROUPS} groups; delete some.")


def _other_kind(command: Any) -> Refused:  # Any: commands of the other kinds of groups
    if isinstance(command, JoinGroup):
        code = ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    elif isinstance(command, SyncGroup | Heartbeat | LeaveGroup):
        code = ErrorCode.UNKNOWN_MEMBER_ID
    else:
        code = ErrorCode.GROUP_ID_NOT_FOUND
    return Refused(code, f"Group {command.group_id} is a share group.")


def _without_topic(state: AllGroupsState, name: str) -> Iterator[ShareTopicsFact]:
    for group_id, group in state.shares.items():
        kept = {topic_id: topic for topic_id, topic in group.topics.items() if topic.name != name}
        if len(kept) != len(group.topics):
            yield ShareTopicsFact(group_id, kept)


def _apply(state: AllGroupsState, fact: ShareGroupFact) -> None:
    group = state.shares.get(fact.group_id)
    if fact.value is None:
        if group is None:
            return
        if isinstance(fact, ShareEpochFact):
            del state.shares[fact.group_id]
            return
    elif group is None:
        group = state.shares[fact.group_id] = ShareGroup()
    assert group is not None
    group_facts.apply(group, fact)


def _see(state: AllGroupsState, note: ShareSeen) -> None:
    group = state.shares.get(note.group_id)
    if group is not None:
        group.checked = note.checked
    for member_id, due_ms in note.sessions:
        key = (note.group_id, member_id)
        if due_ms is None:
            state.share_sessions.pop(key, None)
        else:
            state.share_sessions[key] = due_ms
            _queue(state, key, due_ms)


def _queue(state: AllGroupsState, key: SessionKey, due_ms: int) -> None:
    # An entry that comes up too early moves on then: a heartbeat costs no heap operation.
    if state.share_queued.get(key, due_ms + 1) > due_ms:
        state.share_queued[key] = due_ms
        heapq.heappush(state.share_heap, (due_ms, *key))


def _fire(state: AllGroupsState, note: ShareSessionsFired) -> None:
    for _ in range(note.count):
        at_ms, group_id, member_id = heapq.heappop(state.share_heap)
        key = (group_id, member_id)
        if state.share_queued.get(key) != at_ms:
            continue
        del state.share_queued[key]
        until = state.share_sessions.get(key)
        if until is not None and until > note.now_ms:
            _queue(state, key, until)
