"""Who may enter a classic group, as whom, and with which answer."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group import join as rules
from tests.broker.coordinators.group.world import World, subscription

RANGE = ("range", subscription("t1"))
ROUND_ROBIN = ("roundrobin", subscription("t1"))


def test_a_group_id_must_not_be_empty() -> None:
    world = World()
    assert world.code(world.join("")) == 24
    assert not world.log


@pytest.mark.parametrize(
    ("session_timeout_ms", "code"), [(5_999, 26), (6_000, 79), (1_800_000, 79), (1_800_001, 26)]
)
def test_the_session_timeout_has_kafkas_bounds(session_timeout_ms: int, code: int) -> None:
    world = World()
    assert world.code(world.join(session_timeout_ms=session_timeout_ms)) == code


def test_the_bounds_of_the_session_timeout_are_options() -> None:
    world = World(group_min_session_timeout_ms=100)
    assert world.code(world.join(session_timeout_ms=100)) == 79


@pytest.mark.parametrize("options", [{"protocols": ()}, {"protocol_type": ""}])
def test_a_member_without_protocol_or_type_is_refused(options: dict[str, object]) -> None:
    world = World()
    assert world.code(world.join(**options)) == 23


def test_a_member_of_another_protocol_type_is_refused() -> None:
    world = World()
    world.stable()
    assert world.code(world.join(protocol_type="connect")) == 23


def test_a_member_that_shares_no_protocol_with_all_others_is_refused() -> None:
    world = World()
    world.stable()
    assert world.code(world.join(protocols=(ROUND_ROBIN,))) == 23


def test_a_member_id_that_nobody_knows_is_refused_and_makes_no_group() -> None:
    world = World()
    answer = world.answers[world.join(member="who")]
    assert (answer.error_code, answer.member_id) == (25, "who")
    assert not world.state.groups


def test_an_unknown_member_id_is_refused_in_an_existing_group() -> None:
    world = World()
    world.stable()
    assert world.code(world.join(member="who")) == 25


def test_a_new_dynamic_member_is_told_its_id_and_joins_with_it() -> None:
    world = World()
    member = world.member_id(client_id="app")
    assert member == "app-uuid1"
    answer = world.answers[world.join(member=member)]
    assert (answer.error_code, answer.generation_id, answer.leader, answer.member_id) == (
        0,
        1,
        member,
        member,
    )
    assert [each.member_id for each in answer.members] == [member]
    assert answer.members[0].metadata == subscription("t1")


@pytest.mark.parametrize("version", [0, 3])
def test_before_version_4_a_member_joins_at_once(version: int) -> None:
    world = World()
    answer = world.answers[world.join(version=version)]
    assert (answer.error_code, answer.generation_id) == (0, 1)


@pytest.mark.parametrize(("version", "name"), [(6, ""), (7, None)])
def test_the_protocol_name_of_an_error_is_null_only_where_the_version_knows_null(
    version: int, name: str | None
) -> None:
    world = World()
    assert world.answers[world.join(member="who", version=version)].protocol_name == name


def test_a_member_id_that_was_handed_out_expires_with_the_session_timeout() -> None:
    world = World()
    member = world.member_id()
    world.advance(9_999)
    assert member in world.state.groups["g"].membership.pending
    world.advance(1)
    assert world.code(world.join(member=member)) == 25


def test_a_member_id_that_was_handed_out_cannot_become_static() -> None:
    world = World()
    member = world.member_id()
    assert world.code(world.join(member=member, instance="i")) == -1


def test_the_record_of_a_new_group_is_written_with_the_first_join_even_a_refused_one() -> None:
    world = World()
    world.join(protocols=())
    assert len(world.log) == 1
    world.restart()
    assert world.phase() == "Empty"


def test_group_max_size_bounds_the_members_of_a_stable_group() -> None:
    world = World(group_max_size=2)
    world.stable(count=2)
    answer = world.answers[world.join()]
    assert (answer.error_code, answer.member_id) == (81, "")


def test_in_a_rebalance_the_last_to_come_is_the_one_without_a_place() -> None:
    world = World(group_max_size=2)
    first, second = world.stable(count=2)
    world.join(member=first)  # the leader begins a rebalance
    extra = world.member_id()
    joined = world.join(member=extra)
    assert world.code(world.join(member=second)) == 81
    assert world.code(joined) == 0
    assert set(world.state.groups["g"].membership.members) == {first, extra}


def test_a_group_may_not_hand_out_ids_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_PENDING_MEMBERS", 2)
    world = World()
    world.member_id()
    world.member_id()
    assert world.code(world.join()) == 81


def test_groups_are_not_created_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_GROUPS", 1)
    world = World()
    world.member_id("one")
    assert world.code(world.join("two")) == 44
    assert list(world.state.groups) == ["one"]


def test_a_subscription_too_large_for_a_group_record_is_refused() -> None:
    world = World()
    assert world.code(world.join(protocols=(("range", bytes(1024 * 1024)),))) == -1


def test_a_follower_that_repeats_its_join_learns_of_its_generation_without_a_rebalance() -> None:
    world = World()
    leader, follower = world.stable(count=2)
    generation = world.generation()
    answer = world.answers[world.join(member=follower)]
    assert (answer.error_code, answer.generation_id, answer.leader) == (0, generation, leader)
    assert answer.members == []
    assert world.phase() == "Stable"


def test_a_follower_with_new_metadata_begins_a_rebalance() -> None:
    world = World()
    _, follower = world.stable(count=2)
    token = world.join(member=follower, protocols=(("range", subscription("t1", "t2")),))
    assert token not in world.answers
    assert world.phase() == "PreparingRebalance"


def test_a_leader_that_joins_a_stable_group_begins_a_rebalance() -> None:
    world = World()
    leader, follower = world.stable(count=2)
    token = world.join(member=leader)
    assert token not in world.answers
    assert world.heartbeat("g", world.generation(), follower) == 27
    world.join(member=follower)
    assert world.answers[token].generation_id == world.generation() == 3


def test_a_join_repeated_before_the_sync_gets_the_same_answer() -> None:
    world = World()
    member = world.member_id()
    first = world.answers[world.join(member=member)]
    assert world.answers[world.join(member=member)] == first


def test_a_join_repeated_while_the_first_is_parked_answers_the_first_with_27() -> None:
    world = World()
    leader, _ = world.stable(count=2)
    first = world.join(member=leader)
    second = world.join(member=leader)
    assert world.code(first) == 27
    assert second not in world.answers


# ---- static members ----------------------------------------------------------------------------------------------


def static(world: World, version: int = 9, **options: object) -> tuple[str, int]:
    """A stable group of one static member."""
    answer = world.answers[world.join(instance="i1", version=version, **options)]
    assert answer.error_code == 0
    member, generation = answer.member_id, answer.generation_id
    world.sync("g", generation, member, group_instance_id="i1", assignments={member: b"share"})
    return member, generation


def test_a_static_member_needs_no_id_of_its_own() -> None:
    world = World()
    member, generation = static(world)
    assert member == "i1-uuid1"
    assert generation == 1


def test_a_static_member_that_comes_back_keeps_its_share_without_a_rebalance() -> None:
    world = World()
    old, generation = static(world)
    answer = world.answers[world.join(instance="i1")]
    new = answer.member_id
    assert new != old
    assert (answer.generation_id, answer.leader, answer.skip_assignment) == (generation, new, True)
    assert [each.member_id for each in answer.members] == [new]
    assert world.answers[world.sync("g", generation, new)].assignment == b"share"
    world.restart()
    assert world.heartbeat("g", generation, new, "i1") == 0


def test_before_version_9_a_static_leader_that_comes_back_is_told_that_another_leads() -> None:
    world = World()
    old, _ = static(world)
    answer = world.answers[world.join(instance="i1", version=8)]
    assert (answer.leader, answer.members, answer.skip_assignment) == (old, [], False)


def test_the_old_id_of_a_static_member_is_fenced_everywhere() -> None:
    world = World()
    old, generation = static(world)
    new = world.answers[world.join(instance="i1")].member_id
    assert world.heartbeat("g", generation, old, "i1") == 82
    assert world.code(world.sync("g", generation, old, group_instance_id="i1")) == 82
    assert world.code(world.join(member=old, instance="i1")) == 82
    assert world.commit(generation_id=generation, member_id=old, group_instance_id="i1") == [82]
    assert world.leave("g", (old, "i1")).members[0].error_code == 82
    assert world.heartbeat("g", generation, new) == 0


def test_an_instance_id_that_nobody_holds_is_unknown() -> None:
    world = World()
    (member,) = world.stable()
    assert world.heartbeat("g", 1, member, "nobody") == 25


def test_a_static_member_that_changes_the_chosen_protocol_begins_a_rebalance() -> None:
    world = World()
    static(world, protocols=(RANGE, ROUND_ROBIN))
    answer = world.answers[world.join(instance="i1", protocols=(ROUND_ROBIN,))]
    assert (answer.generation_id, answer.protocol_name) == (2, "roundrobin")


def test_a_static_member_that_comes_back_before_the_assignment_begins_a_rebalance() -> None:
    world = World()
    first = world.answers[world.join(instance="i1")]
    answer = world.answers[world.join(instance="i1")]
    assert (first.generation_id, answer.generation_id) == (1, 2)


def test_the_parked_join_of_a_static_member_is_fenced_by_the_next() -> None:
    world = World()
    static(world)
    other = world.join(instance="i2")  # begins a rebalance that waits for i1
    again = world.join(instance="i2")
    assert world.code(other) == 82
    world.join(instance="i1")
    assert world.answers[again].generation_id == 2


def test_the_parked_sync_of_a_static_member_is_fenced_by_its_next_join() -> None:
    world = World()
    leader = world.join(instance="i1")
    follower = world.join(instance="i2")
    leader = world.join(member=world.answers[leader].member_id, instance="i1")
    member = world.answers[follower].member_id
    parked = world.sync("g", 2, member, group_instance_id="i2")
    assert parked not in world.answers
    world.join(instance="i2")
    assert world.code(parked) == 82
    assert world.code(leader) == 0


def test_a_static_member_that_comes_back_is_timed_by_its_session() -> None:
    world = World()
    static(world)
    world.join(instance="i1", session_timeout_ms=20_000)
    world.advance(19_999)
    assert world.phase() == "Stable"
    world.advance(1)
    assert world.phase() == "Empty"
