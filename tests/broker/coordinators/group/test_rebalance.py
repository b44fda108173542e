"""Rebalances of classic groups: when they begin, whom they wait for, what ends them."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group import rebalance
from tests.broker.coordinators.group.world import World, subscription

RANGE = ("range", subscription("t1"))
ROUND_ROBIN = ("roundrobin", subscription("t1"))
STICKY = ("sticky", subscription("t1"))


def test_only_the_leader_learns_of_all_members() -> None:
    world = World()
    first = world.member_id()
    world.join(member=first)
    second = world.member_id()
    follower = world.join(member=second)
    leader = world.join(member=first)
    assert [each.member_id for each in world.answers[leader].members] == [first, second]
    assert world.answers[follower].members == []
    assert world.answers[follower].leader == first


def test_generations_rise_by_one() -> None:
    world = World()
    (member,) = world.stable()
    for generation in (2, 3, 4):
        assert world.answers[world.join(member=member)].generation_id == generation
        world.sync("g", generation, member, assignments={member: b"all"})


def test_the_protocol_most_members_like_best_among_those_all_support_is_chosen() -> None:
    world = World()
    wishes = [(STICKY, RANGE, ROUND_ROBIN), (RANGE, ROUND_ROBIN), (ROUND_ROBIN, RANGE), (RANGE, ROUND_ROBIN)]
    members = [world.member_id(protocols=wish) for wish in wishes]
    tokens = [world.join(member=m, protocols=wish) for m, wish in zip(members, wishes, strict=True)]
    tokens[0] = world.join(member=members[0], protocols=wishes[0])
    assert {world.answers[token].protocol_name for token in tokens} == {"range"}


def test_a_rebalance_waits_for_ids_that_were_handed_out() -> None:
    world = World()
    leader, follower = world.stable(count=2)
    newcomer = world.member_id()
    tokens = [world.join(member=leader), world.join(member=follower)]
    assert not set(tokens) & set(world.answers)
    world.join(member=newcomer)
    assert all(world.code(token) == 0 for token in tokens)


def test_a_rebalance_goes_on_when_the_id_it_waited_for_expires() -> None:
    world = World()
    leader, follower = world.stable(count=2)
    world.member_id()
    tokens = [world.join(member=leader), world.join(member=follower)]
    world.advance(10_000)
    assert all(world.code(token) == 0 for token in tokens)


def test_members_that_do_not_come_within_the_rebalance_timeout_are_taken_out() -> None:
    world = World()
    leader, follower = world.stable(count=2, rebalance_timeout_ms=8_000, session_timeout_ms=30_000)
    token = world.join(member=leader, rebalance_timeout_ms=8_000)
    world.advance(7_999)
    assert token not in world.answers
    world.advance(1)
    assert [each.member_id for each in world.answers[token].members] == [leader]
    assert world.heartbeat("g", world.generation(), follower) == 25


def test_another_member_leads_when_the_leader_does_not_come() -> None:
    world = World()
    leader, follower = world.stable(count=2, rebalance_timeout_ms=8_000, session_timeout_ms=30_000)
    newcomer = world.member_id()
    tokens = [world.join(member=newcomer), world.join(member=follower)]
    world.advance(29_000)
    world.heartbeat("g", world.generation(), leader)
    world.advance(31_000)
    assert {world.answers[token].leader for token in tokens} == {follower}
    assert leader not in world.state.groups["g"].membership.members


def test_a_static_member_that_does_not_come_keeps_its_place_until_its_session_ends() -> None:
    world = World()
    member = world.answers[world.join(instance="i1", session_timeout_ms=100_000)].member_id
    world.sync("g", 1, member, assignments={member: b"x"})
    dynamic = world.member_id(rebalance_timeout_ms=8_000)
    token = world.join(member=dynamic, rebalance_timeout_ms=8_000)
    world.advance(60_000)
    answer = world.answers[token]
    assert answer.leader == dynamic
    assert {each.member_id for each in answer.members} == {member, dynamic}


def test_a_rebalance_of_absent_static_members_alone_ends_with_their_sessions() -> None:
    world = World()
    first = world.answers[world.join(instance="i1", rebalance_timeout_ms=6_000)].member_id
    world.sync("g", 1, first, assignments={first: b"x"})
    newcomer = world.member_id()
    world.join(member=newcomer)
    world.leave("g", (newcomer, None))
    assert world.phase() == "PreparingRebalance"
    world.advance(60_000)
    assert world.phase() == "Empty"


def test_absent_static_members_without_a_rebalance_timeout_do_not_keep_the_broker_busy() -> None:
    world = World()
    member = world.answers[world.join(instance="i1", rebalance_timeout_ms=0)].member_id
    world.sync("g", 1, member, assignments={member: b"x"})
    newcomer = world.member_id(rebalance_timeout_ms=0)
    world.join(member=newcomer, rebalance_timeout_ms=0)
    world.leave("g", (newcomer, None))
    assert world.phase() == "PreparingRebalance"
    before = world.ticks
    world.advance(9_999)  # a deadline that does not move fails in `advance`
    assert world.phase() == "PreparingRebalance"
    assert world.ticks - before <= 11
    world.advance(1_001)
    assert world.phase() == "Empty"


def test_the_initial_delay_gathers_the_members_of_a_new_group() -> None:
    world = World(group_initial_rebalance_delay_ms=3_000)
    tokens = [world.join(version=3, rebalance_timeout_ms=6_000)]
    world.advance(2_000)
    tokens.append(world.join(version=3, rebalance_timeout_ms=6_000))
    assert not set(tokens) & set(world.answers)
    world.advance(1_000)
    assert not set(tokens) & set(world.answers)  # a member came: the delay is extended once more
    world.advance(3_000)
    assert {world.answers[token].generation_id for token in tokens} == {1}


def test_the_initial_delay_is_never_extended_beyond_the_rebalance_timeout() -> None:
    world = World(group_initial_rebalance_delay_ms=3_000)
    first = world.join(version=3, rebalance_timeout_ms=7_000)
    for _ in range(6):
        world.advance(1_000)
        world.join(version=3, rebalance_timeout_ms=7_000)
    assert first not in world.answers
    world.advance(1_000)
    assert world.code(first) == 0


def test_a_new_member_that_nobody_hears_of_is_told_to_come_again_after_five_minutes() -> None:
    world = World()
    world.stable(session_timeout_ms=1_000_000, rebalance_timeout_ms=1_000_000)
    newcomer = world.member_id()
    token = world.join(member=newcomer)
    world.advance(299_999)
    assert token not in world.answers
    world.advance(1)
    assert world.code(token) == 25


def test_members_that_wait_in_a_rebalance_do_not_lose_their_sessions() -> None:
    world = World()
    leader, follower = world.stable(count=2, session_timeout_ms=6_000, rebalance_timeout_ms=100_000)
    token = world.join(member=leader, session_timeout_ms=6_000, rebalance_timeout_ms=100_000)
    for _ in range(10):
        world.advance(5_000)
        assert world.heartbeat("g", world.generation(), follower) == 27
    assert token not in world.answers
    world.join(member=follower)
    assert world.code(token) == 0


def test_a_session_begins_anew_when_the_rebalance_ends() -> None:
    world = World()
    leader, follower = world.stable(count=2, session_timeout_ms=10_000)
    world.join(member=leader)
    world.advance(9_000)
    world.heartbeat("g", world.generation(), follower)
    world.advance(8_000)
    world.join(member=follower)
    world.advance(9_999)
    assert world.heartbeat("g", world.generation(), leader) == 0


def test_a_member_that_never_asks_for_its_share_is_taken_out_and_the_others_join_again() -> None:
    world = World()
    leader, follower = world.stable(count=2, rebalance_timeout_ms=8_000, session_timeout_ms=30_000)
    world.join(member=leader, rebalance_timeout_ms=8_000)
    world.join(member=follower, rebalance_timeout_ms=8_000)
    generation = world.generation()
    world.sync("g", generation, leader, assignments={leader: b"a", follower: b"b"})
    assert world.phase() == "Stable"
    world.advance(8_000)
    assert world.phase() == "PreparingRebalance"
    assert world.code(world.sync("g", generation, follower)) == 25
    assert world.heartbeat("g", generation, leader) == 27


def test_a_rebalance_timeout_of_zero_ends_the_generation_before_the_sync() -> None:
    world = World()
    member = world.answers[world.join(version=3, rebalance_timeout_ms=0)].member_id
    world.advance(1)
    assert world.code(world.sync("g", 1, member)) == 25


def test_a_group_whose_last_member_goes_is_empty_in_a_generation_of_its_own() -> None:
    world = World()
    (member,) = world.stable()
    world.leave("g", (member, None))
    assert (world.phase(), world.generation()) == ("Empty", 2)
    stored = world.state.groups["g"].stored
    assert stored is not None
    assert (stored.generation_id, stored.members, stored.protocol_name) == (2, (), None)
    assert stored.state_timestamp_ms == world.now.wall_ms


def test_an_assignment_too_large_to_be_kept_is_answered_with_an_error_and_a_rebalance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rebalance, "MAX_RECORD_BYTES", 1_000)
    world = World()
    member = world.member_id()
    world.join(member=member)
    assert world.code(world.sync("g", 1, member, assignments={member: bytes(1_000)})) == -1
    assert world.phase() == "PreparingRebalance"


def test_cooperative_members_keep_their_metadata_apart_for_the_leader() -> None:
    # Cooperative rebalancing is the clients' business: what each owns travels in its metadata, byte for byte.
    world = World()
    owned = subscription("t1") + b"owns t1-0"
    first = world.member_id(protocols=(("cooperative-sticky", owned),))
    token = world.join(member=first, protocols=(("cooperative-sticky", owned),))
    assert world.answers[token].members[0].metadata == owned
