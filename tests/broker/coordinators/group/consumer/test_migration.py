"""A group changes its protocol under its members, and back."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.coordinators.group.consumer.protocol import write_assignment
from neuraxis.broker.coordinators.group.state import Phase
from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.group.consumer.world import (
    SETTLED_MS,
    ConsumerWorld,
    Topics,
    read_share,
    subscribing,
)


def classic(world: ConsumerWorld, *shares: Topics) -> list[str]:
    """A stable classic group whose members have these shares; generation 1 or 2."""
    protocols = (("range", subscribing(["t4"])),)
    members = [world.member_id(protocols=protocols) for _ in shares]
    tokens = [world.join("g", member, protocols=protocols) for member in members]
    if len(members) > 1:
        tokens[0] = world.join("g", members[0], protocols=protocols)
    generation = world.answers[tokens[0]].generation_id
    assignments = {}
    for member, share in zip(members, shares, strict=True):
        held = {topic_id: dict.fromkeys(found, 1) for topic_id, found in world.ids(share).items()}
        assignments[member] = write_assignment(held, 1, world.topics)
    for member in members[1:]:
        world.sync("g", generation, member)
    world.sync("g", generation, members[0], assignments=assignments)
    return members


def join(world: ConsumerWorld, member: str, owned: Topics) -> Any:
    protocols = (("range", subscribing(["t4"], owned)),)
    return world.answers[world.join("g", member, protocols=protocols)]


def test_a_classic_group_becomes_a_consumer_group_when_a_new_member_comes() -> None:
    world = ConsumerWorld()
    a, b = classic(world, {"t4": [0, 1]}, {"t4": [2, 3]})
    answer = world.enter("new")
    assert (answer.member_epoch, world.given(answer)) == (3, {})
    group = world.consumer()
    assert (group.epoch, group.phase(), set(group.members)) == (3, "Reconciling", {a, b, "new"})
    assert (world.has(a), world.has(b)) == ({"t4": [0, 1]}, {"t4": [2, 3]})
    world.restart()
    for member in (a, b):
        assert world.heartbeat("g", 2, member) == ErrorCode.REBALANCE_IN_PROGRESS
        share = world.has(member)
        world.sync("g", join(world, member, share).generation_id, member)
        share = world.has(member)
        world.sync("g", join(world, member, share).generation_id, member)
    world.beat("new", 3)
    assert world.consumer().phase() == "Stable"
    taken = [each for member in (a, b, "new") for found in world.has(member).values() for each in found]
    assert sorted(taken) == [0, 1, 2, 3]


def test_and_a_classic_one_again_when_the_last_new_member_goes() -> None:
    world = ConsumerWorld()
    (old,) = classic(world, {"t4": [0, 1, 2, 3]})
    world.enter("new")
    world.beat("new", -1)
    group = world.state.groups["g"]
    assert group.consumer is None
    assert group.stored is not None
    assert group.stored.generation_id == 2
    assert group.membership is not None
    assert group.membership.phase is Phase.PREPARING_REBALANCE
    assert read_share(group.stored.members[0].assignment) == {"t4": [0, 1, 2, 3]}
    assert world.heartbeat("g", 2, old) == ErrorCode.REBALANCE_IN_PROGRESS
    joined = join(world, old, {})
    assert (joined.error_code, joined.generation_id, joined.leader) == (0, 3, old)
    world.restart()
    assert world.heartbeat("g", 2, old) == 0


def test_silence_of_the_last_new_member_is_enough() -> None:
    world = ConsumerWorld()
    (old,) = classic(world, {"t4": [0, 1, 2, 3]})
    world.enter("new")
    for _ in range(9):
        world.advance(5_000)
        world.heartbeat("g", 1, old)
    assert world.state.groups["g"].consumer is None
    assert join(world, old, {}).error_code == 0


def test_members_that_wait_in_a_rebalance_are_told_to_come_again() -> None:
    world = ConsumerWorld()
    (old,) = classic(world, {"t4": [0, 1, 2, 3]})
    protocols = (("range", subscribing(["t4"])),)
    other = world.member_id(protocols=protocols)
    token = world.join("g", other, protocols=protocols)
    assert token not in world.answers
    world.enter("new")
    assert world.code(token) == ErrorCode.REBALANCE_IN_PROGRESS
    assert set(world.consumer().members) == {old, other, "new"}


def test_a_partition_that_clients_gave_to_two_members_is_taken_over_once() -> None:
    world = ConsumerWorld()
    a, b = classic(world, {"t4": [0, 1, 2]}, {"t4": [2, 3]})
    world.enter("new")
    assert (world.has(a), world.has(b)) == ({"t4": [0, 1, 2]}, {"t4": [3]})


@pytest.mark.parametrize("policy", ["DISABLED", "DOWNGRADE"])
def test_the_policy_may_forbid_the_way_up(policy: str) -> None:
    world = ConsumerWorld()
    world.machine.settings = world.machine.settings.__class__(consumer_migration_policy=policy)
    classic(world, {"t4": [0, 1, 2, 3]})
    before = world.batches
    assert world.enter("new").error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert world.batches == before


def test_the_policy_may_forbid_the_way_down() -> None:
    world = ConsumerWorld()
    world.machine.settings = world.machine.settings.__class__(consumer_migration_policy="UPGRADE")
    (old,) = classic(world, {"t4": [0, 1, 2, 3]})
    world.enter("new")
    world.beat("new", -1)
    assert set(world.consumer().members) == {old}
    world.advance(SETTLED_MS)
    assert world.heartbeat("g", 1, old) == ErrorCode.REBALANCE_IN_PROGRESS
    joined = join(world, old, {"t4": [0, 1, 2, 3]})
    assert (joined.error_code, joined.generation_id) == (0, 3)
    assert world.has(old) == {"t4": [0, 1, 2, 3]}


def test_a_group_of_another_protocol_stays_what_it_is() -> None:
    world = ConsumerWorld()
    world.join("g", "", version=3, protocol_type="connect")
    assert world.enter("new").error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_members_that_talk_nonsense_keep_their_group_classic() -> None:
    world = ConsumerWorld()
    world.stable()  # their shares are no assignments
    assert world.enter("new").error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_an_empty_consumer_group_becomes_a_classic_one() -> None:
    world = ConsumerWorld()
    world.enter("new")
    world.beat("new", -1)
    world.commit(offsets={("t1", 0): 7})
    world.stable()
    group = world.state.groups["g"]
    assert (group.consumer, group.offsets["t1"][0].offset) == (None, 7)
    world.restart()
    assert world.state.groups["g"].stored is not None
