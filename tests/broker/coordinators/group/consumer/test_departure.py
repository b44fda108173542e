from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.group.consumer.world import SETTLED_MS, TIMEOUT_MS, ConsumerWorld


def test_who_leaves_gives_its_share_to_the_others() -> None:
    world = ConsumerWorld()
    world.enter("a")
    world.advance(SETTLED_MS)
    world.enter("b")
    world.settle("a", "b")
    world.beat("b", -1)
    assert world.consumer().phase() == "Assigning"
    world.settle("a")
    assert world.has("a") == {"t4": [0, 1, 2, 3]}


def test_who_does_not_let_go_in_time_is_removed() -> None:
    world = ConsumerWorld()
    world.enter("a")
    world.advance(SETTLED_MS)
    world.enter("b")
    world.beat("a", 2)
    for _ in range(TIMEOUT_MS // 20_000):
        world.beat("a", 2)
        world.beat("b", 3)
        world.advance(20_000)
    assert set(world.consumer().members) == {"b"}
    assert world.beat("a", 2).error_code == ErrorCode.UNKNOWN_MEMBER_ID
    world.settle("b")
    assert world.has("b") == {"t4": [0, 1, 2, 3]}


def test_several_that_fall_silent_raise_the_epoch_once() -> None:
    world = ConsumerWorld()
    for member in "abc":
        world.enter(member)
    epoch = world.consumer().epoch
    batches = world.batches
    world.advance(45_000)
    group = world.consumer()
    assert (group.phase(), group.epoch, group.assignment_epoch) == ("Empty", epoch + 1, epoch + 1)
    assert world.batches == batches + 1


def test_the_last_reader_of_an_expression_takes_it_along() -> None:
    world = ConsumerWorld()
    world.enter("a", topic_regex="t.")
    world.enter("b", topic_regex="t.")
    world.beat("a", -1)
    assert set(world.consumer().regexes) == {"t."}
    world.beat("b", -1)
    assert world.consumer().regexes == {}
