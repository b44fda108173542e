"""What a member goes through on the way to its target: let go, wait, take."""

from __future__ import annotations

from neuraxis.broker.coordinators.group.consumer.reconcile import reconcile
from neuraxis.broker.coordinators.group.consumer.state import MemberState
from tests.broker.coordinators.group.consumer.world import SETTLED_MS, ConsumerWorld


def two_members() -> ConsumerWorld:
    """a had all of t4; b has joined and may not have its share yet."""
    world = ConsumerWorld()
    world.enter("a")
    world.advance(SETTLED_MS)
    assert world.given(world.enter("b")) == {}
    return world


def test_a_partition_is_handed_out_when_its_owner_has_let_go() -> None:
    world = two_members()
    assert world.current("b").state is MemberState.UNRELEASED_PARTITIONS
    answer = world.beat("a", 2)
    assert (answer.member_epoch, world.given(answer)) == (2, {"t4": [0, 1]})
    assert world.current("a").state is MemberState.UNREVOKED_PARTITIONS
    assert world.given(world.beat("b", 3)) is None
    for owned in (None, {"t4": [0, 1, 2, 3]}, {"t4": [0, 1, 3]}):
        answer = world.beat("a", 2, None, owned)
        assert (answer.error_code, answer.member_epoch, world.given(answer)) == (0, 2, None)
    assert world.beat("a", 2, None, {"t4": [0, 1]}).member_epoch == 3
    assert world.given(world.beat("b", 3)) == {"t4": [2, 3]}
    assert world.consumer().phase() == "Stable"


def test_a_member_that_has_let_go_already_takes_the_next_epoch_at_once() -> None:
    world = two_members()
    answer = world.beat("a", 2, None, {"t4": [0, 1]})
    assert (answer.member_epoch, world.given(answer)) == (3, {"t4": [0, 1]})


def test_the_epoch_of_a_partition_is_that_at_which_it_was_handed_out() -> None:
    world = two_members()
    world.settle("a", "b")
    (mine,), (theirs,) = (world.current(each).assigned.values() for each in "ab")
    assert (mine, theirs) == ({0: 2, 1: 2}, {2: 3, 3: 3})


def test_a_new_assignment_while_one_lets_go_waits_for_it() -> None:
    world = two_members()
    world.beat("a", 2)
    world.advance(SETTLED_MS)
    world.enter("c")
    assert world.given(world.beat("a", 2, None, {"t4": [0, 1, 2]})) is None
    assert world.current("a").revoking != {}
    world.settle("a", "b", "c")
    taken = [partition for each in "abc" for found in world.has(each).values() for partition in found]
    assert sorted(taken) == [0, 1, 2, 3]


def test_what_was_unsubscribed_from_is_let_go_before_the_next_assignment() -> None:
    world = ConsumerWorld()
    world.enter("a", ["t2", "t4"])
    # Too early for another assignment, and still the answer leaves out what is not read any more.
    answer = world.beat("a", 2, ["t4"], {"t2": [0, 1], "t4": [0, 1, 2, 3]})
    assert (answer.member_epoch, world.given(answer)) == (2, {"t4": [0, 1, 2, 3]})
    assert world.current("a").state is MemberState.UNREVOKED_PARTITIONS
    world.settle("a")
    assert world.has("a") == {"t4": [0, 1, 2, 3]}


def test_reconciling_a_stable_member_changes_nothing() -> None:
    world = ConsumerWorld()
    world.enter("a")
    batches = world.batches
    assert world.beat("a", 2).error_code == 0
    assert world.batches == batches
    assert callable(reconcile)
