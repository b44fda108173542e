"""DescribeTopicPartitions (key 75), version 0: topics and their partitions, page by page, in the order of names.

The limit is in partitions: at least 1, at most `max.request.partition.size.limit`. The cursor names the next partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.operations import TOPIC_OPERATIONS
from neuraxis.broker.topic_names import is_valid_name
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DescribeTopicPartitionsRequest, versions="0", needs="DESCRIBE topic")
def describe_topic_partitions(
    node: Node, call: Call, request: DescribeTopicPartitionsRequest
) -> DescribeTopicPartitionsResponse:
    """One page of the topics asked for, or of all."""
    call.saw(node.catalogue.ticket)
    names = sorted({topic.name for topic in request.topics} or node.topics)
    cursor = request.cursor
    if cursor is not None and (
        cursor.partition_index < 0 or (request.topics and cursor.topic_name not in names)
    ):
        return DescribeTopicPartitionsResponse(
            topics=[
                DescribeTopicPartitionsResponseTopic(error_code=ErrorCode.INVALID_REQUEST, name=topic.name)
                for topic in request.topics
            ]
        )
    if cursor is not None:
        names = [name for name in names if name >= cursor.topic_name]
    most = node.settings.integer("max.request.partition.size.limit")
    left = max(1, min(request.response_partition_limit, most))
    response = DescribeTopicPartitionsResponse()
    for name in names:
        start = cursor.partition_index if cursor is not None and cursor.topic_name == name else 0
        if left == 0:
            response.next_cursor = Cursor(topic_name=name, partition_index=start)
            break
        topic = _topic(node, name, start, left)
        response.topics.append(topic)
        left -= len(topic.partitions)
        served = node.topics.get(name)
        following = start + len(topic.partitions)
        if served is not None and following < len(served.partitions):
            response.next_cursor = Cursor(topic_name=name, partition_index=following)
            break
    return response


def _topic(node: Node, name: str, start: int, count: int) -> DescribeTopicPartitionsResponseTopic:
    topic = node.topics.get(name)
    answer = DescribeTopicPartitionsResponseTopic(name=name, topic_authorized_operations=TOPIC_OPERATIONS)
    if topic is None:
        valid = is_valid_name(name)
        answer.error_code = (
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if valid else ErrorCode.INVALID_TOPIC_EXCEPTION
        )
        return answer
    answer.topic_id = topic.topic_id
    answer.is_internal = topic.internal
    answer.partitions = [
        DescribeTopicPartitionsResponsePartition(
            partition_index=partition.index,
            leader_id=node.node_id,
            leader_epoch=partition.leader_epoch,
            replica_nodes=[node.node_id],
            isr_nodes=[node.node_id],
            eligible_leader_replicas=[],
            last_known_elr=[],
        )
        for partition in topic.partitions[start : start + count]
    ]
    return answer
