from __future__ import annotations

from neuraxis.broker.coordinators.group.consumer.state import ConsumerMember
from neuraxis.broker.coordinators.group.consumer.subscriptions import preferred_assignor
from tests.broker.coordinators.group.consumer.world import SETTLED_MS, ConsumerWorld


def test_topics_that_grow_appear_or_go_raise_the_epoch() -> None:
    world = ConsumerWorld()
    world.enter("m", ["t2", "t4", "later"])
    for change, has in (
        (lambda: world.topics.put("t2", 3), {"t2": [0, 1, 2], "t4": [0, 1, 2, 3]}),
        (lambda: world.topics.put("later", 1), {"t2": [0, 1, 2], "t4": [0, 1, 2, 3], "later": [0]}),
        (lambda: world.topics.drop("t4"), {"t2": [0, 1, 2], "later": [0]}),
    ):
        epoch = world.consumer().epoch
        change()
        world.settle("m")
        assert (world.has("m"), world.consumer().epoch) == (has, epoch + 1)


def test_topics_that_nobody_reads_change_nothing() -> None:
    world = ConsumerWorld()
    world.enter("m")
    batches = world.batches
    world.topics.put("other", 1)
    world.beat("m", 2)
    assert world.batches == batches


def test_a_topic_made_anew_is_another_topic() -> None:
    world = ConsumerWorld()
    world.enter("m")
    world.topics.drop("t4")
    world.topics.put("t4", 4)
    world.settle("m")
    assert list(world.current("m").assigned) == [world.topics.topics["t4"].topic_id]
    assert world.consumer().epoch == 3


def test_an_expression_follows_the_topics() -> None:
    world = ConsumerWorld()
    assert world.given(world.enter("m", topic_regex="t[0-9]")) == {"t4": [0, 1, 2, 3], "t2": [0, 1]}
    world.topics.put("t9", 1)
    world.topics.put("t10", 1)
    world.settle("m")
    assert world.has("m") == {"t4": [0, 1, 2, 3], "t2": [0, 1], "t9": [0]}
    world.topics.drop("t2")
    world.settle("m")
    assert world.consumer().regexes["t[0-9]"].topics == ("t4", "t9")


def test_another_expression_takes_the_place_of_the_first() -> None:
    world = ConsumerWorld()
    world.enter("m", topic_regex="t[0-9]")
    world.beat("m", 2, [], None, topic_regex="t4")
    world.settle("m")
    assert set(world.consumer().regexes) == {"t4"}
    assert world.has("m") == {"t4": [0, 1, 2, 3]}


def test_names_and_an_expression_add_up() -> None:
    world = ConsumerWorld()
    world.enter("m", ["t2"], topic_regex="t4")
    assert world.has("m") == {"t2": [0, 1], "t4": [0, 1, 2, 3]}


def test_assignments_keep_their_distance_in_time() -> None:
    world = ConsumerWorld()
    world.enter("a")
    assert world.enter("b").member_epoch == 2
    assert world.consumer().phase() == "Assigning"
    world.advance(SETTLED_MS - 1)
    assert world.beat("b", 2).member_epoch == 2
    world.advance(1)
    assert world.beat("b", 2).member_epoch == 3


def test_a_clock_set_back_does_not_stop_assignments() -> None:
    world = ConsumerWorld()
    world.enter("a")
    world.advance(1, wall_ms=-3_600_000)
    assert world.enter("b").member_epoch == 3


def test_the_assignor_with_most_votes_is_taken() -> None:
    known = ("uniform", "range")

    def members(*votes: str | None) -> dict[str, ConsumerMember]:
        return {str(n): ConsumerMember(str(n), server_assignor=vote) for n, vote in enumerate(votes)}

    assert preferred_assignor({}, known) == "uniform"
    assert preferred_assignor(members(None, None, "range"), known) == "range"
    assert preferred_assignor(members("range", "uniform"), known) == "uniform"
    assert preferred_assignor(members("range", "range", "uniform"), known) == "range"


def test_another_expression_that_finds_nothing_new_changes_nothing_for_anybody() -> None:
    world = ConsumerWorld()
    world.enter("m", ["t4"])
    epoch = world.consumer().epoch
    for expression in ("no-such.*", "t4", "t[4]"):
        world.beat("m", epoch, ["t4"], topic_regex=expression)
        assert world.consumer().epoch == epoch
    assert set(world.consumer().regexes) == {"t[4]"}
    world.beat("m", epoch, ["t4"], topic_regex="t2")
    assert world.consumer().epoch == epoch + 1
