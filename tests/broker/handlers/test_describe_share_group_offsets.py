"""DescribeShareGroupOffsets: where share partitions begin and how far behind they are."""

from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import describe_share_group_offsets as so
from tests.broker.harness import CoreHarness, batch_of
from tests.broker.sharing import Member, set_config


def test_the_lag_counts_what_is_not_done() -> None:
    broker = CoreHarness("os")
    broker.create_topic("t", partitions=2)
    set_config(broker, "g", share_auto_offset_reset="earliest")
    peer = broker.connect()
    peer.produce("t", batch_of(*[b"x"] * 10))
    member = Member(broker, "m")
    member.fetch()
    member.acknowledge((0, 1, 1), (4, 5, 1), (9, 9, 3))
    everything = so.DescribeShareGroupOffsetsRequest([so.DescribeShareGroupOffsetsRequestGroup("g", None)])
    for version, lag in ((0, -1), (1, 5)):
        (group,) = peer.request(everything, version).groups
        (topic,) = group.topics
        known, unknown = topic.partitions
        assert (known.partition_index, known.start_offset, known.lag) == (0, 2, lag)
        assert (unknown.partition_index, unknown.start_offset, unknown.lag) == (1, -1, -1)


def test_what_is_not_there_has_no_offsets() -> None:
    peer = CoreHarness("os").connect()
    named = [so.DescribeShareGroupOffsetsRequestTopic("nowhere", [3])]
    request = so.DescribeShareGroupOffsetsRequest(
        [
            so.DescribeShareGroupOffsetsRequestGroup("none", None),
            so.DescribeShareGroupOffsetsRequestGroup("none", named),
        ]
    )
    empty, asked = peer.request(request, 1).groups
    assert (empty.error_code, empty.topics) == (0, [])
    ((topic),) = asked.topics
    assert (topic.topic_id, topic.partitions[0].start_offset, topic.partitions[0].error_code) == (
        bytes(16),
        -1,
        0,
    )


def test_a_group_without_a_name_is_refused() -> None:
    peer = CoreHarness("os").connect()
    request = so.DescribeShareGroupOffsetsRequest([so.DescribeShareGroupOffsetsRequestGroup("", None)])
    (group,) = peer.request(request, 1).groups
    assert (group.error_code, group.topics) == (ErrorCode.INVALID_GROUP_ID, [])
