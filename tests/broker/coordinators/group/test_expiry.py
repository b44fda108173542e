"""What time does to groups: sessions, and offsets that nobody needs any more."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group import expiry, queries
from neuraxis.broker.work import Now
from tests.broker.coordinators.group.world import World, subscription

MINUTE = 60_000
RETENTION_MINUTES = 100
DAY = 24 * 60 * MINUTE


def world() -> World:
    return World(offsets_retention_minutes=RETENTION_MINUTES)


def offset(world: World, topic: str = "t1", group: str = "g") -> int:
    return queries.position(world.state, group, topic, 0).offset


def keep_alive(world: World, member: str, minutes: int, generation: int = 1, **commit: object) -> None:
    for _ in range(minutes * 10):
        world.advance(6_000)
        assert world.heartbeat("g", generation, member) == 0


def test_nothing_is_due_in_a_coordinator_without_groups_but_its_clean_up() -> None:
    idle = World()
    assert expiry.deadline(idle.state) == idle.now.mono_ms + 600_000


def test_offsets_of_a_simple_consumer_expire_a_retention_after_their_commit() -> None:
    each = world()
    each.commit(offsets={("t1", 0): 1})
    each.advance(50 * MINUTE)
    each.commit(offsets={("t2", 0): 2})
    each.advance(60 * MINUTE)
    assert (offset(each), offset(each, "t2")) == (-1, 2)
    each.advance(50 * MINUTE)
    assert not each.state.groups


def test_offsets_of_a_group_expire_a_retention_after_it_became_empty() -> None:
    each = world()
    (member,) = each.stable()
    each.commit(generation_id=1, member_id=member)
    keep_alive(each, member, 99)
    each.leave("g", (member, None))
    each.advance(99 * MINUTE)
    assert offset(each) == 5
    each.advance(12 * MINUTE)
    assert offset(each) == -1
    assert not each.state.groups
    assert not each.fold().groups


def test_an_empty_group_keeps_its_retention_through_a_restart() -> None:
    each = world()
    (member,) = each.stable()
    each.commit(generation_id=1, member_id=member)
    each.leave("g", (member, None))
    each.advance(60 * MINUTE)
    each.restart()
    each.advance(30 * MINUTE)
    assert offset(each) == 5
    each.advance(30 * MINUTE)
    assert offset(each) == -1


def test_offsets_of_topics_that_a_stable_group_does_not_read_expire() -> None:
    each = world()
    (member,) = each.stable(protocols=(("range", subscription("t1")),))
    each.commit(generation_id=1, member_id=member, offsets={("t1", 0): 1, ("t2", 0): 2})
    keep_alive(each, member, 111)
    assert (offset(each), offset(each, "t2")) == (1, -1)


def test_offsets_of_an_active_group_of_another_kind_never_expire() -> None:
    each = world()
    (member,) = each.stable(protocols=(("range", b"?"),))
    each.commit(generation_id=1, member_id=member)
    keep_alive(each, member, 111)
    assert offset(each) == 5


def test_a_commit_may_ask_for_a_retention_of_its_own() -> None:
    each = world()
    each.commit(retention_time_ms=5 * MINUTE, version=4)
    each.advance(4 * MINUTE)
    each.restart()
    assert offset(each) == 5
    each.advance(11 * MINUTE)
    assert offset(each) == -1


def test_an_empty_group_without_offsets_goes_with_the_clean_up() -> None:
    each = world()
    each.member_id()
    each.advance(9 * MINUTE)
    assert "g" in each.state.groups
    each.advance(2 * MINUTE)
    assert not each.state.groups


def test_a_group_that_somebody_is_about_to_join_is_not_cleaned_up() -> None:
    each = world()
    each.member_id(session_timeout_ms=30 * MINUTE)
    each.advance(11 * MINUTE)
    assert "g" in each.state.groups


def test_a_clean_up_goes_through_many_groups_in_slices() -> None:
    each = world()
    for number in range(600):
        each.commit(f"g{number}")
    each.advance(100 * MINUTE)
    before = each.batches
    each.advance(11 * MINUTE)
    assert not each.state.groups
    assert each.batches == before + 3


def test_offsets_do_not_expire_while_the_wall_clock_is_wrong() -> None:
    each = world()
    each.commit()
    each.advance(20 * MINUTE, wall_ms=400 * DAY)
    each.advance(20 * MINUTE)
    assert expiry.clock_stepped(each.state, each.now)
    assert offset(each) == 5
    each.now = Now(each.now.mono_ms, each.now.wall_ms - 400 * DAY + 20 * MINUTE)
    assert not expiry.clock_stepped(each.state, each.now)
    each.advance(110 * MINUTE)
    assert offset(each) == -1


def test_a_wall_clock_that_goes_back_ends_no_session_early_or_late() -> None:
    each = world()
    (member,) = each.stable()
    each.advance(9_999, wall_ms=-DAY)
    assert each.heartbeat("g", 1, member) == 0
    each.advance(10_000, wall_ms=DAY)
    assert each.heartbeat("g", 1, member) == 25


def test_many_sessions_that_end_at_once_are_handled_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "MAX_DUE", 4)
    each = world()
    for number in range(10):
        each.stable(f"g{number}")
    each.advance(10_000)
    assert {each.phase(f"g{number}") for number in range(10)} == {"Empty"}


def test_members_of_one_group_that_end_together_leave_in_one_rebalance() -> None:
    each = world()
    each.stable(count=3)
    generation = each.generation()
    written = each.batches
    each.advance(10_000)
    assert (each.phase(), each.generation()) == ("Empty", generation + 1)
    assert each.batches == written + 1


def test_a_coordinator_that_was_never_resumed_has_no_clock_to_compare_with() -> None:
    each = world()
    assert not expiry.clock_stepped(each.fold(), each.now)
