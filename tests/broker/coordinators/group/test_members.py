"""SyncGroup, Heartbeat and LeaveGroup of classic groups, with every code they can answer."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group import commands
from tests.broker.coordinators.group.world import World, subscription


def completing(world: World) -> tuple[str, str, int]:
    """A group of two that has joined and not synced yet: leader, follower, generation."""
    first = world.member_id()
    second = world.member_id()
    world.join(member=first)
    world.join(member=second)
    answer = world.answers[world.join(member=first)]
    return first, second, answer.generation_id


# ---- SyncGroup ---------------------------------------------------------------------------------------------------


def test_followers_wait_until_the_leader_has_handed_in_the_assignment() -> None:
    world = World()
    leader, follower, generation = completing(world)
    waiting = world.sync("g", generation, follower)
    assert waiting not in world.answers
    done = world.sync("g", generation, leader, assignments={leader: b"a", follower: b"b"})
    assert (world.answers[done].assignment, world.answers[waiting].assignment) == (b"a", b"b")
    answer = world.answers[waiting]
    assert (answer.protocol_type, answer.protocol_name) == ("consumer", "range")
    assert world.phase() == "Stable"


def test_a_follower_that_syncs_later_gets_its_share_at_once() -> None:
    world = World()
    leader, follower, generation = completing(world)
    world.sync("g", generation, leader, assignments={leader: b"a", follower: b"b"})
    assert world.answers[world.sync("g", generation, follower)].assignment == b"b"


def test_a_sync_may_be_repeated() -> None:
    world = World()
    (member,) = world.stable()
    assert world.answers[world.sync("g", 1, member)].assignment == member.encode()


def test_a_member_the_leader_forgot_gets_an_empty_share() -> None:
    world = World()
    leader, follower, generation = completing(world)
    world.sync("g", generation, leader, assignments={leader: b"a", "stranger": b"s"})
    answer = world.answers[world.sync("g", generation, follower)]
    assert (answer.error_code, answer.assignment) == (0, b"")


def test_what_a_follower_hands_in_is_not_taken() -> None:
    world = World()
    _, follower, generation = completing(world)
    world.sync("g", generation, follower, assignments={follower: b"mine"})
    assert world.phase() == "CompletingRebalance"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"generation": 7}, 22),
        ({"member": "who"}, 25),
        ({"group": "none"}, 25),
        ({"group": ""}, 24),
        ({"group_instance_id": "i"}, 25),
        ({"protocol_type": "connect"}, 23),
        ({"protocol_name": "sticky"}, 23),
        ({"protocol_type": None}, 23),
        ({"protocol_name": None}, 23),
    ],
)
def test_a_sync_that_does_not_fit_is_refused(change: dict[str, object], code: int) -> None:
    world = World()
    leader, _, generation = completing(world)
    fields = {"group": "g", "generation": generation, "member": leader} | change
    assert world.code(world.sync(**fields)) == code


def test_before_version_5_a_sync_names_no_protocol() -> None:
    world = World()
    leader, _, generation = completing(world)
    token = world.sync("g", generation, leader, api_version=4, protocol_type=None, protocol_name=None)
    assert world.code(token) == 0


def test_a_sync_during_a_rebalance_is_told_to_join_again() -> None:
    world = World()
    leader, follower = world.stable(count=2)
    world.join(member=leader)
    assert world.code(world.sync("g", world.generation(), follower)) == 27


def test_parked_syncs_are_told_to_join_again_when_another_rebalance_begins() -> None:
    world = World()
    leader, follower, generation = completing(world)
    waiting = world.sync("g", generation, follower)
    world.join(member=leader, protocols=(("range", subscription("t2")),))
    assert world.code(waiting) == 27


def test_a_sync_repeated_while_the_first_is_parked_answers_the_first_with_27() -> None:
    world = World()
    leader, follower, generation = completing(world)
    first = world.sync("g", generation, follower)
    second = world.sync("g", generation, follower)
    assert world.code(first) == 27
    world.sync("g", generation, leader, assignments={follower: b"b"})
    assert world.answers[second].assignment == b"b"


def test_the_assignment_is_written_as_one_record_before_anybody_learns_of_it() -> None:
    world = World()
    leader, follower, generation = completing(world)
    written = len(world.log)
    world.sync("g", generation, leader, assignments={leader: b"a", follower: b"b"})
    assert len(world.log) == written + 1
    stored = world.fold().groups["g"].stored
    assert stored is not None
    assert {member.member_id: member.assignment for member in stored.members} == {
        leader: b"a",
        follower: b"b",
    }


# ---- Heartbeat ---------------------------------------------------------------------------------------------------


def test_heartbeats_have_kafkas_codes() -> None:
    world = World()
    leader, _, generation = completing(world)
    assert world.heartbeat("g", generation, leader) == 0  # while members fetch their shares, too
    assert world.heartbeat("g", generation + 1, leader) == 22
    assert world.heartbeat("g", generation, "who") == 25
    assert world.heartbeat("none", generation, leader) == 25
    assert world.heartbeat("", generation, leader) == 24


def test_an_id_that_was_only_handed_out_sends_no_heartbeats() -> None:
    world = World()
    assert world.heartbeat("g", 0, world.member_id()) == 25


def test_heartbeats_keep_a_member_alive_and_silence_ends_it() -> None:
    world = World()
    (member,) = world.stable()
    for _ in range(20):
        world.advance(9_999)
        assert world.heartbeat("g", 1, member) == 0
    world.advance(10_000)
    assert world.heartbeat("g", 1, member) == 25
    assert world.phase() == "Empty"


def test_heartbeats_write_nothing_and_do_not_grow_the_heap() -> None:
    world = World()
    (member,) = world.stable()
    written, size = len(world.log), len(world.state.heap)
    for _ in range(1_000):
        world.heartbeat("g", 1, member)
    assert (len(world.log), len(world.state.heap)) == (written, size)


# ---- LeaveGroup --------------------------------------------------------------------------------------------------


def test_a_member_that_leaves_begins_a_rebalance_for_the_others() -> None:
    world = World()
    leader, follower = world.stable(count=2)
    assert world.leave("g", (leader, None)).members[0].error_code == 0
    assert world.heartbeat("g", world.generation(), follower) == 27
    answer = world.answers[world.join(member=follower)]
    assert (answer.leader, len(answer.members)) == (follower, 1)


def test_several_members_leave_in_one_rebalance() -> None:
    world = World()
    members = world.stable(count=3)
    generation = world.generation()
    body = world.leave("g", *((member, None) for member in members))
    assert [each.error_code for each in body.members] == [0, 0, 0]
    assert (world.phase(), world.generation()) == ("Empty", generation + 1)


def test_each_member_that_leaves_has_its_own_code() -> None:
    world = World()
    (member,) = world.stable()
    body = world.leave("g", ("who", None), (member, None), ("", "nobody"), ("", None))
    assert body.error_code == 0
    assert [each.error_code for each in body.members] == [25, 0, 25, 25]


def test_a_static_member_is_removed_by_its_instance_id_alone() -> None:
    world = World()
    world.join(instance="i1")
    body = world.leave("g", ("", "i1"))
    assert [(each.group_instance_id, each.error_code) for each in body.members] == [("i1", 0)]
    assert world.phase() == "Empty"


def test_an_id_that_was_only_handed_out_may_leave() -> None:
    world = World()
    member = world.member_id()
    assert world.leave("g", (member, None)).members[0].error_code == 0
    assert world.code(world.join(member=member)) == 25


def test_before_version_3_the_code_of_the_one_member_is_the_answers() -> None:
    world = World()
    (member,) = world.stable()
    assert world.leave("g", ("who", None), version=2).error_code == 25
    body = world.leave("g", (member, None), version=2)
    assert (body.error_code, body.members) == (0, [])


def test_leaving_a_group_that_does_not_exist() -> None:
    world = World()
    assert world.leave("none", ("m", None)).members[0].error_code == 25
    assert world.leave("none", ("m", None), version=0).error_code == 25
    assert world.leave("", ("m", None)).error_code == 24
    assert world.leave("none").error_code == 0
    assert not world.state.groups


def test_the_parked_calls_of_a_member_that_is_removed_are_answered() -> None:
    world = World()
    leader, follower, generation = completing(world)
    waiting = world.sync("g", generation, follower)
    world.leave("g", (follower, None))
    assert world.code(waiting) == 25
    newcomer = world.member_id()
    parked = world.join(member=newcomer)
    world.leave("g", (newcomer, None))
    assert world.code(parked) == 25
    assert world.code(world.join(member=leader)) == 0


def test_a_rebalance_ends_when_the_last_missing_member_leaves() -> None:
    world = World()
    leader, follower = world.stable(count=2)
    waiting = world.join(member=leader)
    world.leave("g", (follower, None))
    assert [each.member_id for each in world.answers[waiting].members] == [leader]


def test_a_command_of_another_machine_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        World().run(object())
    assert commands.ForgetTopic("t").token == 0
