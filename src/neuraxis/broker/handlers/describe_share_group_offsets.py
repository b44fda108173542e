"""DescribeShareGroupOffsets (key 90), versions 0-1: where the share partitions of groups begin. v1 how far behind they are.

-1 stands for what is not known yet; a group without share partitions, or none, has no topics (code 0, as Kafka answers). Unlike
Kafka's, the beginning is kept, and shown, from the first fetch on: else a restart would skip what came since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.share.facts import ShareKey
from neuraxis.broker.coordinators.share.runs import done_count
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponse,
    DescribeShareGroupOffsetsResponseGroup,
    DescribeShareGroupOffsetsResponsePartition,
    DescribeShareGroupOffsetsResponseTopic,
)
from neuraxis.wire.schema import ZERO_UUID

if TYPE_CHECKING:
    from neuraxis.broker.node import Node, Topic

LAG_FROM = 1


@handles(DescribeShareGroupOffsetsRequest, versions="0-1", needs="DESCRIBE group; DESCRIBE topic")
def describe_share_group_offsets(
    node: Node, call: Call, request: DescribeShareGroupOffsetsRequest
) -> DescribeShareGroupOffsetsResponse:
    """Describe each group."""
    node.shares.check_enabled(call)
    return DescribeShareGroupOffsetsResponse(groups=[_group(node, call, asked) for asked in request.groups])


def _group(
    node: Node, call: Call, asked: DescribeShareGroupOffsetsRequestGroup
) -> DescribeShareGroupOffsetsResponseGroup:
    group_id = asked.group_id
    if not group_id:
        code = ErrorCode.INVALID_GROUP_ID
        return DescribeShareGroupOffsetsResponseGroup(group_id, [], code, code.message)
    if asked.topics is None:
        group = node.shares.group(group_id, call)
        known = {} if group is None else group.topics
        wanted = [(topic.name, list(topic.partitions)) for topic in known.values()]
    else:
        wanted = [(topic.topic_name, topic.partitions) for topic in asked.topics]
    topics = []
    for name, partitions in wanted:
        topic = node.topics.get(name)
        topics.append(
            DescribeShareGroupOffsetsResponseTopic(
                name,
                ZERO_UUID if topic is None else topic.topic_id,
                [_partition(node, call, group_id, topic, index) for index in partitions],
            )
        )
    return DescribeShareGroupOffsetsResponseGroup(group_id, topics)


def _partition(
    node: Node, call: Call, group_id: str, topic: Topic | None, index: int
) -> DescribeShareGroupOffsetsResponsePartition:
    answer = DescribeShareGroupOffsetsResponsePartition(index, -1)
    if topic is None or not 0 <= index < len(topic.partitions):
        return answer
    known = node.shares.known(ShareKey(group_id, topic.topic_id, index), call)
    if known is None or known.start_offset < 0:
        return answer
    answer.start_offset, answer.leader_epoch = known.start_offset, known.leader_epoch
    if call.api_version >= LAG_FROM:
        done = done_count(known.runs, known.start_offset)
        answer.lag = topic.partitions[index].high_watermark - known.start_offset - done
    return answer
