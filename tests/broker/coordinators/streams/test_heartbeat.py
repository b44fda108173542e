from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.streams.topology import Topology
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.coordinators.streams.world import PLAIN, STORED, Streams, duties, part


def refused(streams: Streams, member: str, epoch: int, **more: object) -> int:
    with pytest.raises(Refused) as found:
        streams.beat(member, epoch, **more)
    return found.value.code


def test_the_first_member_gets_all_tasks_at_epoch_2() -> None:
    streams = Streams()
    answer = streams.beat("a", 0)
    assert (answer.member_epoch, [each.partitions for each in answer.active_tasks]) == (2, [[0, 1]])
    assert streams.beat("a", 2).active_tasks is None
    assert streams.group.phase() == "Stable"


def test_a_beat_that_changes_nothing_writes_nothing() -> None:
    streams = Streams()
    streams.beat("a", 0)
    batches = streams.world.batches
    streams.beat("a", 2)
    streams.beat("a", 2, owned=duties("0_0 0_1"))
    assert streams.world.batches == batches


def test_only_the_epoch_before_is_good_and_only_without_more_than_was_given() -> None:
    streams = Streams()
    streams.beat("a", 0)
    streams.beat("b", 0)
    assert streams.beat("a", 2).member_epoch == 2
    assert streams.beat("a", 2, owned=duties("0_0")).member_epoch == 3
    assert streams.beat("a", 2, owned=duties("0_0")).member_epoch == 3
    assert refused(streams, "a", 2, owned=duties("0_0 0_1")) == ErrorCode.FENCED_MEMBER_EPOCH
    assert refused(streams, "a", 2) == ErrorCode.FENCED_MEMBER_EPOCH
    assert refused(streams, "a", 9) == ErrorCode.FENCED_MEMBER_EPOCH
    assert refused(streams, "zz", 3) == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_group_keeps_its_topology_even_when_it_is_empty() -> None:
    streams = Streams()
    streams.beat("a", 0)
    assert refused(streams, "b", 0, topology=STORED) == ErrorCode.INVALID_REQUEST
    streams.beat("a", -1)
    assert refused(streams, "b", 0, topology=STORED) == ErrorCode.INVALID_REQUEST
    assert streams.beat("b", 0).member_epoch == 4


def test_an_instance_id_has_one_holder_until_it_leaves_for_a_while() -> None:
    streams = Streams()
    streams.beat("a", 0, instance_id="i")
    assert refused(streams, "b", 0, instance_id="i") == ErrorCode.UNRELEASED_INSTANCE_ID
    assert refused(streams, "b", 2, instance_id="i") == ErrorCode.FENCED_INSTANCE_ID
    assert refused(streams, "b", 2, instance_id="j") == ErrorCode.UNKNOWN_MEMBER_ID
    assert streams.beat("a", -2, instance_id="i").member_epoch == -2
    answer = streams.beat("b", 0, instance_id="i", process_id="pa")
    assert (answer.member_epoch, len(answer.active_tasks)) == (2, 1), (
        "nothing changed, it has its tasks again"
    )
    assert list(streams.group.members) == ["b"]
    assert refused(streams, "a", 2, instance_id="i") == ErrorCode.FENCED_INSTANCE_ID


def test_a_full_group_takes_nobody_else() -> None:
    streams = Streams()
    streams.topics.configs["streams.max.size"] = 1
    streams.beat("a", 0)
    assert refused(streams, "b", 0) == ErrorCode.GROUP_MAX_SIZE_REACHED
    assert streams.beat("a", 0).error_code == 0


def test_tasks_that_the_topology_does_not_have_are_refused() -> None:
    streams = Streams()
    streams.beat("a", 0)
    for owned in (duties("0_2"), duties("", "1_0")):
        assert refused(streams, "a", 2, owned=owned) == ErrorCode.INVALID_REQUEST


def test_there_is_nobody_to_leave() -> None:
    streams = Streams()
    assert refused(streams, "a", -1) == ErrorCode.GROUP_ID_NOT_FOUND
    assert refused(streams, "a", 2) == ErrorCode.GROUP_ID_NOT_FOUND
    streams.beat("a", 0)
    assert refused(streams, "b", -1) == ErrorCode.UNKNOWN_MEMBER_ID


def test_an_invalid_topology_makes_no_group() -> None:
    streams = Streams()
    bad = Topology(0, (part("0"),))
    assert refused(streams, "a", 0, topology=bad) == ErrorCode.STREAMS_INVALID_TOPOLOGY
    assert not streams.world.state.groups
    assert streams.beat("a", 0, topology=PLAIN).member_epoch == 2
