from __future__ import annotations

from neuraxis.broker.coordinators.streams.queries import described
from neuraxis.broker.coordinators.streams.state import Progress
from tests.broker.coordinators.streams.test_records import GROUP
from tests.broker.coordinators.streams.world import Topics


def test_a_group_is_shown_with_the_partitions_its_topics_have_or_will_have() -> None:
    group = GROUP.copy()
    group.progress["m"] = Progress((("0", 0, 5),), (("0", 0, 9),))
    shown = described("g", group, Topics(**{"in": 3, "rep": 3, "l": 3}))
    assert shown.topology is not None
    assert shown.topology.subtopologies is not None
    second = shown.topology.subtopologies[1]
    assert [(each.name, each.partitions) for each in second.repartition_source_topics] == [("rep", 3)]
    assert [(each.name, each.partitions) for each in second.state_changelog_topics] == [("l", 3)]
    (member,) = shown.members
    assert (member.member_epoch, member.instance_id, member.user_endpoint.host) == (3, "i", "h")  # type: ignore[union-attr]  # it has one
    assert [each.offset for each in (*member.task_offsets, *member.task_end_offsets)] == [5, 9]
    assert [each.partitions for each in member.target_assignment.active_tasks] == [[0, 2]]


def test_a_topology_without_its_topics_is_shown_as_it_was_said() -> None:
    shown = described("g", GROUP, Topics())
    assert shown.topology is not None
    assert shown.topology.subtopologies is not None
    assert [each.partitions for each in shown.topology.subtopologies[1].repartition_source_topics] == [0]
