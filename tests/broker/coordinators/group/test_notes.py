"""How facts and notes change the state: offsets, groups, and the heap of timers."""

from __future__ import annotations

import heapq
import random

from neuraxis.broker.coordinators.group.facts import CommittedOffset, GroupMetadata, MetadataFact, OffsetFact
from neuraxis.broker.coordinators.group.notes import (
    CleanupAdvanced,
    MembershipChanged,
    Resumed,
    SessionExtended,
    TimersFired,
    apply,
    due_entries,
    is_live,
)
from neuraxis.broker.coordinators.group.state import Due, GroupState, Membership
from neuraxis.broker.work import Now

POSITION = CommittedOffset(1, 0, "", 2)


def with_timer(due_ms: int = 100) -> GroupState:
    state = GroupState()
    apply(state, MembershipChanged("g", Membership(), (("m", due_ms),)))
    return state


def test_a_group_comes_with_its_first_offset_and_goes_with_its_last() -> None:
    state = GroupState()
    apply(state, OffsetFact("g", "t", 0, POSITION))
    apply(state, OffsetFact("g", "t", 1, POSITION))
    assert state.groups_of_topic == {"t": {"g": None}}
    apply(state, OffsetFact("g", "t", 0, None))
    assert "g" in state.groups
    apply(state, OffsetFact("g", "t", 1, None))
    assert not state.groups
    assert not state.groups_of_topic


def test_a_tombstone_of_what_compaction_has_removed_changes_nothing() -> None:
    state = GroupState()
    apply(state, OffsetFact("g", "t", 0, None))
    apply(state, MetadataFact("g", None))
    assert state == GroupState()


def test_a_deleted_group_with_offsets_stays_for_their_sake() -> None:
    state = with_timer()
    apply(state, MetadataFact("g", GroupMetadata("", 0, None, None, 0)))
    apply(state, OffsetFact("g", "t", 0, POSITION))
    apply(state, MetadataFact("g", None))
    group = state.groups["g"]
    assert (group.stored, group.membership, group.timers) == (None, None, {})


def test_a_timer_that_moves_later_keeps_its_entry_until_that_comes_up() -> None:
    state = with_timer(100)
    for due_ms in (150, 180, 200):
        apply(state, SessionExtended("g", "m", due_ms))
    assert [entry.at_ms for entry in state.heap] == [100]
    apply(state, TimersFired(1, 100))
    assert [entry.at_ms for entry in state.heap] == [200]
    apply(state, TimersFired(1, 200))
    assert not state.heap
    assert not state.groups["g"].timers


def test_a_timer_that_moves_earlier_leaves_a_stale_entry() -> None:
    state = with_timer(100)
    apply(state, SessionExtended("g", "m", 50))
    assert [is_live(state, entry) for entry in sorted(state.heap)] == [True, False]
    apply(state, TimersFired(1, 50))
    apply(state, TimersFired(1, 100))
    assert not state.heap


def test_a_cancelled_timer_leaves_a_stale_entry() -> None:
    state = with_timer(100)
    apply(state, MembershipChanged("g", Membership(), (("m", None),)))
    assert not is_live(state, state.heap[0])
    apply(state, TimersFired(1, 100))
    assert not state.heap


def test_a_session_of_a_group_that_is_gone_is_not_extended() -> None:
    state = GroupState()
    apply(state, SessionExtended("g", "m", 5))
    assert state == GroupState()


def test_stale_entries_are_swept() -> None:
    state = GroupState()
    for number in range(10_000):
        apply(state, MembershipChanged("g", Membership(), ((f"m{number}", 100), (f"m{number - 1}", None))))
    assert len(state.heap) <= 1_024
    assert list(state.groups["g"].timers) == ["m9999"]


def test_due_entries_are_the_first_of_the_heap_in_order() -> None:
    dice = random.Random(7)
    heap: list[Due] = []
    for number in range(500):
        heapq.heappush(heap, Due(dice.randrange(100), number, "g", "m"))
    before = list(heap)
    assert due_entries(heap, 40, 10_000) == sorted(entry for entry in heap if entry.at_ms <= 40)
    assert due_entries(heap, 40, 7) == sorted(heap)[:7]
    assert due_entries(heap, -1, 7) == []
    assert heap == before


def test_a_clean_up_takes_groups_off_the_end_of_its_queue() -> None:
    state = GroupState()
    apply(state, Resumed(Now(5, 6), 10))
    assert (state.started, state.cleanup_at_ms) == (Now(5, 6), 10)
    apply(state, CleanupAdvanced(11, 1, ("c", "b", "a")))
    assert state.cleanup_queue == ["c", "b"]
    apply(state, CleanupAdvanced(12, 2))
    assert (state.cleanup_queue, state.cleanup_at_ms) == ([], 12)
