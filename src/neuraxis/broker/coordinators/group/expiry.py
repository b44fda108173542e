"""What time does to groups: sessions end, rebalances time out, offsets that nobody needs any more expire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group import offsets, rebalance
from neuraxis.broker.coordinators.group.consumer import departure
from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft
from neuraxis.broker.coordinators.group.consumer.facts import tombstones
from neuraxis.broker.coordinators.group.draft import Draft
from neuraxis.broker.coordinators.group.facts import CommittedOffset, Fact, MetadataFact, OffsetFact
from neuraxis.broker.coordinators.group.notes import CleanupAdvanced, Note, TimersFired, due_entries, is_live
from neuraxis.broker.coordinators.group.settings import CLEANUP_GROUPS, MAX_CLOCK_STEP_MS, MAX_DUE
from neuraxis.broker.coordinators.group.state import JOIN_TIMER, SYNC_TIMER, Phase, membership_of
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.streams import facts as streams_facts
from neuraxis.broker.coordinators.streams import machine as streams_machine
from neuraxis.wire.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.group.settings import GroupSettings
    from neuraxis.broker.coordinators.group.state import Group, GroupState, TimerKey
    from neuraxis.broker.work import Now


def deadline(state: GroupState) -> int | None:
    """The `mono_ms` at which `expire` could matter."""
    candidates = [state.heap[0].at_ms] if state.heap else []
    if state.cleanup_at_ms is not None:
        candidates.append(state.cleanup_at_ms)
    return min(candidates, default=None)


def expire(state: GroupState, settings: GroupSettings, view: View, now: Now) -> Outcome[Fact | Note]:
    """What is due: timers first, then a slice of the clean-up."""
    records: list[Fact | Note] = []
    notes: list[Fact | Note] = []
    replies: list[Reply] = []
    entries = due_entries(state.heap, now.mono_ms, MAX_DUE)
    if entries:
        notes.append(TimersFired(len(entries), now.mono_ms))
    drafts: dict[str, Draft] = {}
    newer: dict[str, list[TimerKey]] = {}
    for entry in entries:
        group = state.groups.get(entry.group_id)
        if group is None or not is_live(state, entry) or group.timers[entry.key].due_ms > now.mono_ms:
            continue
        if group.consumer is not None or group.streams is not None:
            newer.setdefault(entry.group_id, []).append(entry.key)
            continue
        draft = drafts.get(entry.group_id)
        if draft is None:
            draft = drafts[entry.group_id] = Draft(entry.group_id, group, settings, now)
        if entry.key == JOIN_TIMER:
            rebalance.join_timer_fired(draft)
        elif entry.key == SYNC_TIMER:
            rebalance.sync_timer_fired(draft)
        else:
            _session_over(draft, str(entry.key))
    outcomes = [draft.outcome() for draft in drafts.values()]
    outcomes.extend(_newer_timers_fired(state, settings, view, now, newer))
    for outcome in outcomes:
        records.extend(outcome.records)
        notes.extend(outcome.notes)
        replies.extend(outcome.replies)
    if state.cleanup_at_ms is not None and state.cleanup_at_ms <= now.mono_ms:
        notes.append(_clean_up(state, settings, now, records))
    return Outcome(tuple(records), tuple(notes), tuple(replies))


def _newer_timers_fired(
    state: GroupState, settings: GroupSettings, view: View, now: Now, fired: dict[str, list[TimerKey]]
) -> Iterator[Outcome[Fact | Note]]:
    for group_id, keys in fired.items():
        consumer, streams = state.groups[group_id].consumer, state.groups[group_id].streams
        if consumer is not None:
            draft = ConsumerDraft(group_id, consumer, settings, view, now)
            yield departure.timers_fired(draft, keys)
        elif streams is not None:
            yield streams_machine.timers_fired(group_id, streams, keys, view, now)


def _session_over(draft: Draft, member_id: str) -> None:
    membership = draft.membership
    if member_id in membership.pending:
        del membership.pending[member_id]
        rebalance.complete_if_all_joined(draft)
        return
    member = membership.members.get(member_id)
    if member is None:
        return
    waits = member.joining is not None or member.syncing is not None
    if waits and not member.is_new:
        return  # it is we who keep it waiting; its session begins anew with our answer
    draft.remove(member_id, ErrorCode.UNKNOWN_MEMBER_ID)
    rebalance.after_change(draft)


def clock_stepped(state: GroupState, now: Now) -> bool:
    """Whether the wall clock was set since the start: then nothing may be deleted for its age until a restart."""
    if state.started is None:
        return False
    wall_ms = now.wall_ms - state.started.wall_ms
    mono_ms = now.mono_ms - state.started.mono_ms
    return abs(wall_ms - mono_ms) > MAX_CLOCK_STEP_MS


def _clean_up(
    state: GroupState, settings: GroupSettings, now: Now, records: list[Fact | Note]
) -> CleanupAdvanced:
    later_ms = now.mono_ms + settings.offsets_retention_check_interval_ms
    if clock_stepped(state, now):
        return CleanupAdvanced(later_ms, 0, ())
    fresh = None if state.cleanup_queue else tuple(reversed(state.groups))
    queue = state.cleanup_queue if fresh is None else fresh
    looked_at = min(CLEANUP_GROUPS, len(queue))
    for group_id in reversed(queue[len(queue) - looked_at :]):
        group = state.groups.get(group_id)
        if group is not None:
            records.extend(_expired(group, settings, now))
    done = looked_at == len(queue)
    return CleanupAdvanced(later_ms if done else now.mono_ms + 1, looked_at, fresh)


def _expired(group: Group, settings: GroupSettings, now: Now) -> list[Fact]:
    membership = membership_of(group)
    base = _base_time(group)
    if base is None and group.offsets:
        return []
    consumer = group.consumer
    subscribed = offsets.topics_in_use(group)
    removed: list[Fact] = []
    kept = False
    for topic, partitions in group.offsets.items():
        for partition, committed in partitions.items():
            needed = subscribed is None or topic in subscribed or base is None
            if needed or not _is_old(committed, base, settings, now):
                kept = True
            else:
                removed.append(OffsetFact(group.group_id, topic, partition, None))
    if consumer is not None:
        if not kept and not consumer.members:
            removed.extend(tombstones(group.group_id, consumer))
    elif group.streams is not None:
        if not kept and not group.streams.members:
            removed.extend(streams_facts.tombstones(group.group_id, group.streams))
    elif not kept and membership.phase is Phase.EMPTY and not membership.pending:
        removed.append(MetadataFact(group.group_id, None))
    return removed


def _is_old(
    committed: CommittedOffset,
    base: Callable[[CommittedOffset], int] | None,
    settings: GroupSettings,
    now: Now,
) -> bool:
    if committed.expire_timestamp_ms is not None:
        return now.wall_ms >= committed.expire_timestamp_ms
    return base is not None and now.wall_ms - base(committed) >= settings.offsets_retention_ms


def _base_time(group: Group) -> Callable[[CommittedOffset], int] | None:
    """From when the retention of a position counts; None: it does not expire now.

    An empty group's positions count from when it became empty, a simple consumer's from their commit, and those of a
    stable consumer group from their commit if no member reads their topic.
    """
    membership = membership_of(group)
    if membership.protocol_type is not None:
        if membership.phase is Phase.EMPTY:
            since = membership.state_timestamp_ms
            return (
                (lambda committed: since) if since >= 0 else (lambda committed: committed.commit_timestamp_ms)
            )
        known = membership.protocol_type == offsets.CONSUMER_PROTOCOL_TYPE
        if not known or membership.phase is not Phase.STABLE or offsets.subscribed_topics(membership) is None:
            return None
    elif membership.phase is not Phase.EMPTY:
        return None
    return lambda committed: committed.commit_timestamp_ms
