"""Volatile facts of the group coordinator, and how facts and notes change the state. Rule: nothing here ever refuses."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer import facts as consumer_facts
from neuraxis.broker.coordinators.group.consumer.draft import ConsumerGroupSeen
from neuraxis.broker.coordinators.group.consumer.facts import ConsumerFact, EpochFact
from neuraxis.broker.coordinators.group.consumer.state import ConsumerGroup
from neuraxis.broker.coordinators.group.facts import Fact, MetadataFact, OffsetFact
from neuraxis.broker.coordinators.group.state import Due, Group, GroupState, Timer, TimerKey, lasts
from neuraxis.broker.coordinators.streams import facts as streams_facts
from neuraxis.broker.coordinators.streams.facts import StreamsEpochFact, StreamsFact
from neuraxis.broker.coordinators.streams.machine import StreamsSeen
from neuraxis.broker.coordinators.streams.state import StreamsGroup

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.state import Membership
    from neuraxis.broker.work import Now


@dataclass(frozen=True, slots=True)
class MembershipChanged:
    """The membership of a group is this now; timers are set (deadline) or cancelled (None)."""

    group_id: str
    membership: Membership
    timers: tuple[tuple[TimerKey, int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class SessionExtended:
    """A member was heard; its session lasts until `due_ms` (monotonic)."""

    group_id: str
    member_id: str
    due_ms: int


@dataclass(frozen=True, slots=True)
class TimersFired:
    """The first `count` entries of the heap have come up at `now_ms`."""

    count: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class CleanupAdvanced:
    """The clean-up of offsets looked at the last `looked_at` groups of its queue, and goes on at `at_ms` (monotonic).

    `queue` is a new queue, of a clean-up that just began.
    """

    at_ms: int
    looked_at: int
    queue: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Resumed:
    """The coordinator began to serve; the first clean-up is due at `cleanup_at_ms`."""

    now: Now
    cleanup_at_ms: int


Note = (
    MembershipChanged
    | SessionExtended
    | TimersFired
    | CleanupAdvanced
    | Resumed
    | ConsumerGroupSeen
    | StreamsSeen
)


def apply(state: GroupState, fact: Fact | Note) -> None:
    """Write one fact or note into the state."""
    if isinstance(fact, OffsetFact):
        _apply_offset(state, fact)
    elif isinstance(fact, MetadataFact):
        _apply_metadata(state, fact)
    elif isinstance(fact, SessionExtended):
        group = state.groups.get(fact.group_id)
        if group is not None:
            _set_timer(state, group, fact.member_id, fact.due_ms)
    elif isinstance(fact, MembershipChanged):
        group = state.groups.setdefault(fact.group_id, Group(fact.group_id))
        group.membership = fact.membership
        for key, due_ms in fact.timers:
            _set_timer(state, group, key, due_ms)
    elif isinstance(fact, TimersFired):
        _fire(state, fact)
    elif isinstance(fact, CleanupAdvanced):
        state.cleanup_at_ms = fact.at_ms
        if fact.queue is not None:
            state.cleanup_queue = list(fact.queue)
        del state.cleanup_queue[len(state.cleanup_queue) - fact.looked_at :]
    elif isinstance(fact, Resumed):
        state.started = fact.now
        state.cleanup_at_ms = fact.cleanup_at_ms
    else:
        _apply_newer(state, fact)


def _apply_newer(
    state: GroupState, fact: ConsumerFact | ConsumerGroupSeen | StreamsFact | StreamsSeen
) -> None:
    if isinstance(fact, ConsumerFact):
        _apply_consumer(state, fact)
    elif isinstance(fact, ConsumerGroupSeen):
        _apply_seen(state, fact)
    elif isinstance(fact, StreamsFact):
        _apply_streams(state, fact)
    else:
        _apply_streams_seen(state, fact)


def due_entries(heap: list[Due], now_ms: int, limit: int) -> list[Due]:
    """The first `limit` entries that are due, in order, without changing the heap and without looking past them."""
    found: list[Due] = []
    candidates = [(heap[0], 0)] if heap and heap[0].at_ms <= now_ms else []
    while candidates and len(found) < limit:
        entry, position = heapq.heappop(candidates)
        found.append(entry)
        for child in (2 * position + 1, 2 * position + 2):
            if child < len(heap) and heap[child].at_ms <= now_ms:
                heapq.heappush(candidates, (heap[child], child))
    return found


def is_live(state: GroupState, entry: Due) -> bool:
    """Whether the entry still stands for a timer."""
    group = state.groups.get(entry.group_id)
    timer = None if group is None else group.timers.get(entry.key)
    return timer is not None and timer.queued_ms == entry.at_ms


def _apply_offset(state: GroupState, fact: OffsetFact) -> None:
    group = state.groups.get(fact.group_id)
    if fact.committed is not None:
        if group is None:
            group = state.groups[fact.group_id] = Group(fact.group_id)
        partitions = group.offsets.get(fact.topic)
        if partitions is None:
            partitions = group.offsets[fact.topic] = {}
            state.groups_of_topic.setdefault(fact.topic, {})[fact.group_id] = None
        partitions[fact.partition] = fact.committed
        return
    if group is None or fact.topic not in group.offsets:
        return
    partitions = group.offsets[fact.topic]
    partitions.pop(fact.partition, None)
    if partitions:
        return
    del group.offsets[fact.topic]
    groups = state.groups_of_topic[fact.topic]
    del groups[fact.group_id]
    if not groups:
        del state.groups_of_topic[fact.topic]
    if not lasts(group):
        del state.groups[fact.group_id]


def _apply_metadata(state: GroupState, fact: MetadataFact) -> None:
    group = state.groups.get(fact.group_id)
    if group is None:
        if fact.metadata is None:
            return
        group = state.groups[fact.group_id] = Group(fact.group_id)
    group.stored = fact.metadata
    if fact.metadata is None:
        group.membership = None
        group.timers.clear()
        if not lasts(group):
            del state.groups[fact.group_id]


def _apply_consumer(state: GroupState, fact: ConsumerFact) -> None:
    group = state.groups.get(fact.group_id)
    if fact.value is None:
        if group is None or group.consumer is None:
            return
        if isinstance(fact, EpochFact):
            group.consumer = None
            group.timers.clear()
            if not lasts(group):
                del state.groups[fact.group_id]
            return
    elif group is None:
        group = state.groups[fact.group_id] = Group(fact.group_id)
    assert group is not None
    if group.consumer is None:
        group.consumer = ConsumerGroup()
    consumer_facts.apply(group.consumer, fact)


def _apply_seen(state: GroupState, note: ConsumerGroupSeen) -> None:
    group = state.groups.get(note.group_id)
    if group is None or group.consumer is None:
        return
    group.consumer.checked = note.checked
    for key, due_ms in note.timers:
        _set_timer(state, group, key, due_ms)


def _apply_streams(state: GroupState, fact: StreamsFact) -> None:
    group = state.groups.get(fact.group_id)
    if fact.value is None:
        if group is None or group.streams is None:
            return
        if isinstance(fact, StreamsEpochFact):
            group.streams = None
            group.timers.clear()
            if not lasts(group):
                del state.groups[fact.group_id]
            return
    elif group is None:
        group = state.groups[fact.group_id] = Group(fact.group_id)
    assert group is not None
    if group.streams is None:
        group.streams = StreamsGroup()
    streams_facts.apply(group.streams, fact)


def _apply_streams_seen(state: GroupState, note: StreamsSeen) -> None:
    group = state.groups.get(note.group_id)
    if group is None or group.streams is None:
        return
    streams = group.streams
    streams.configured, streams.checked = note.configured, note.checked
    streams.endpoint_epoch, streams.shutdown_by = note.endpoint_epoch, note.shutdown_by
    streams.progress.update(note.progress)
    for key, due_ms in note.timers:
        _set_timer(state, group, key, due_ms)


def _set_timer(state: GroupState, group: Group, key: TimerKey, due_ms: int | None) -> None:
    if due_ms is None:
        group.timers.pop(key, None)
        return
    timer = group.timers.get(key)
    if timer is not None and timer.queued_ms <= due_ms:
        timer.due_ms = (
            due_ms  # the entry comes up first, and moves on then: a heartbeat costs no heap operation
        )
        return
    group.timers[key] = Timer(due_ms, due_ms)
    _push(state, due_ms, group.group_id, key)


def _push(state: GroupState, at_ms: int, group_id: str, key: TimerKey) -> None:
    state.sequence += 1
    heapq.heappush(state.heap, Due(at_ms, state.sequence, group_id, key))
    if len(state.heap) > state.swept_size:
        # Cancelled timers leave stale entries behind; sweeping at each doubling keeps the cost per timer constant.
        state.heap = [entry for entry in state.heap if is_live(state, entry)]
        heapq.heapify(state.heap)
        state.swept_size = max(1024, 2 * len(state.heap))


def _fire(state: GroupState, fact: TimersFired) -> None:
    entries = [heapq.heappop(state.heap) for _ in range(fact.count)]
    for entry in entries:
        if not is_live(state, entry):
            continue
        timers = state.groups[entry.group_id].timers
        timer = timers[entry.key]
        if timer.due_ms > fact.now_ms:
            timer.queued_ms = timer.due_ms
            _push(state, timer.due_ms, entry.group_id, entry.key)
        else:
            del timers[entry.key]
