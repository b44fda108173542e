from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.streams import topology as t
from neuraxis.broker.coordinators.streams.topology import Copartition, StatusCode, Topology
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.coordinators.streams.world import COUNTING, PLAIN, STORED, Topics, info, part, tasks


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (Topology(-1, (part("0", "in"),)), ErrorCode.INVALID_REQUEST),
        (Topology(0, (part("0", "in"), part("0", "in"))), ErrorCode.INVALID_REQUEST),
        (
            Topology(0, (part("0", "in", copartitions=(Copartition((1,), (), ()),)),)),
            ErrorCode.INVALID_REQUEST,
        ),
        (Topology(0, (part("0"),)), ErrorCode.STREAMS_INVALID_TOPOLOGY),
        (Topology(0, (part("0", "a b"),)), ErrorCode.STREAMS_INVALID_TOPOLOGY),
        (Topology(0, (part("0", "__consumer_offsets"),)), ErrorCode.STREAMS_INVALID_TOPOLOGY),
        (Topology(0, (part("0", "in", changelogs=(info("log", 3),)),)), ErrorCode.STREAMS_INVALID_TOPOLOGY),
    ],
)
def test_what_no_topics_could_make_right_is_refused(found: Topology, code: ErrorCode) -> None:
    with pytest.raises(Refused) as refused:
        t.check(found)
    assert refused.value.code == code


def test_missing_sources_are_named_before_anything_else() -> None:
    found = t.configure(Topology(0, (part("0", "in", "no2", "no1"),)), Topics(**{"in": 1}))
    assert found.status == (StatusCode.MISSING_SOURCE_TOPICS, "Source topics no1, no2 are missing.")


def test_internal_topics_are_made_with_as_many_partitions_as_there_are_tasks() -> None:
    topics = Topics(**{"in": 3})
    found = t.configure(COUNTING, topics)
    assert found.status is not None
    assert found.status[0] is StatusCode.MISSING_INTERNAL_TOPICS
    assert [(each.name, each.partitions) for each in found.create] == [("rep", 3), ("log", 3)]
    for each in found.create:
        topics.make(each.name, each.partitions)
    ready = t.configure(COUNTING, topics)
    assert (ready.status, ready.create, ready.tasks) == (None, (), {"0": 3, "1": 3})


def test_an_internal_topic_of_another_size_is_in_the_way() -> None:
    found = t.configure(STORED, Topics(**{"in": 3, "log": 2}))
    assert found.status is not None
    assert found.status[0] is StatusCode.INCORRECTLY_PARTITIONED_TOPICS


def test_more_tasks_than_records_can_hold_are_refused() -> None:
    with pytest.raises(Refused):
        t.configure(PLAIN, Topics(**{"in": t.MAX_TASKS + 1}))


def test_the_hash_changes_with_topics_and_their_partitions() -> None:
    topics = Topics(**{"in": 3})
    first = t.metadata_hash(STORED, topics)
    topics.make("log", 3)
    second = t.metadata_hash(STORED, topics)
    topics.make("other", 1)
    assert len({0, first, second}) == 3
    assert t.metadata_hash(STORED, topics) == second
    assert t.metadata_hash(STORED, Topics()) == 0


def test_tasks_read_the_partitions_that_there_are() -> None:
    wide = Topology(0, (part("0", "in", "wide"),))
    found = t.task_partitions(wide, tasks("0_0", "0_2", "9_0"), {"in": 2, "wide": 3})
    assert found == {"in": [0], "wide": [0, 2]}
    assert list(t.subtopologies_of(COUNTING, "rep")) == ["1"]
    assert t.stateful(COUNTING) == {"1"}
