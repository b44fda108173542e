"""AlterShareGroupOffsets: groups without members begin where they are told to."""

from __future__ import annotations

from typing import Any

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import alter_share_group_offsets as ao
from tests.broker.harness import CoreHarness, batch_of
from tests.broker.sharing import Member, acquired, set_config


def alter(broker: CoreHarness, group: str, topic: str = "t", **starts: int) -> Any:
    partitions = [
        ao.AlterShareGroupOffsetsRequestPartition(int(name[1:]), start) for name, start in starts.items()
    ]
    request = ao.AlterShareGroupOffsetsRequest(
        group, [ao.AlterShareGroupOffsetsRequestTopic(topic, partitions)]
    )
    return broker.connect().request(request, 0)


def harness() -> CoreHarness:
    broker = CoreHarness("os")
    broker.create_topic("t")
    broker.connect().produce("t", batch_of(*[b"x"] * 10))
    return broker


def test_a_group_begins_where_it_is_told_to_also_anew() -> None:
    broker = harness()
    (topic,) = alter(broker, "g", p0=3).responses
    assert [each.error_code for each in topic.partitions] == [0]
    member = Member(broker, "m")
    assert acquired(member.fetch()) == [(3, 9, 1)]
    member.acknowledge((3, 9, 1))
    assert alter(broker, "g", p0=0).error_code == ErrorCode.NON_EMPTY_GROUP
    member.end()
    member.leave()
    alter(broker, "g", p0=8)
    assert acquired(Member(broker, "n").fetch()) == [(8, 9, 1)]


def test_minus_one_means_what_the_config_says_at_the_next_fetch() -> None:
    broker = harness()
    alter(broker, "g", p0=3)
    alter(broker, "g", p0=-1)
    set_config(broker, "g", share_auto_offset_reset="earliest")
    assert acquired(Member(broker, "m").fetch()) == [(0, 9, 1)]


def test_what_is_not_there_is_named() -> None:
    broker = harness()
    (topic,) = alter(broker, "g", p0=0, p5=1).responses
    assert [each.error_code for each in topic.partitions] == [0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
    (topic,) = alter(broker, "g", "nowhere", p0=0).responses
    assert (topic.topic_id, topic.partitions[0].error_code) == (
        bytes(16),
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )
    assert alter(broker, "", p0=0).error_code == ErrorCode.INVALID_GROUP_ID
