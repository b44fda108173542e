from __future__ import annotations

from neuraxis.broker.coordinators.group.consumer.queries import described
from neuraxis.broker.coordinators.group.settings import GroupSettings
from tests.broker.coordinators.group.consumer.world import SETTLED_MS, ConsumerWorld


def test_a_member_is_shown_with_all_it_has_and_what_it_is_to_have() -> None:
    world = ConsumerWorld()
    world.enter("a", rack_id="r")
    world.advance(SETTLED_MS)
    world.enter("b")
    world.beat("a", 2)  # told to let two go
    shown = described("g", world.consumer(), GroupSettings(), world.topics)
    assert (shown.group_state, shown.group_epoch, shown.assignment_epoch) == ("Reconciling", 3, 3)
    a, b = shown.members
    assert (a.member_id, a.rack_id, a.member_epoch, a.member_type) == ("a", "r", 2, 1)
    assert [item.partitions for item in a.assignment.topic_partitions] == [[0, 1, 2, 3]]
    assert [item.partitions for item in a.target_assignment.topic_partitions] == [[0, 1]]
    assert b.assignment.topic_partitions == []


def test_topics_that_are_gone_are_left_out() -> None:
    world = ConsumerWorld()
    world.enter("a")
    world.topics.drop("t4")
    (shown,) = described("g", world.consumer(), GroupSettings(), world.topics).members
    assert shown.assignment.topic_partitions == []
