"""DeleteRecords (key 21), versions 0-2: records below an offset are gone; -1 means all that can be seen.

timeout_ms is ignored: the new start is in the catalogue, durable, when the answer leaves. Only topics with cleanup.policy
`delete` (or none) can be trimmed: 44. Internal topics are refused: 17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.topics.machine import SetLogStart
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.delete_records import (
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

HIGH_WATERMARK = -1


@handles(DeleteRecordsRequest, versions="0-2", needs="DELETE topic")
def delete_records(node: Node, call: Call, request: DeleteRecordsRequest) -> DeleteRecordsResponse:
    """Move the start of each partition, or say why not."""
    topics = []
    for topic in request.topics:
        if not topic.partitions:
            continue  # nothing was asked: Kafka does not name such a topic in its answer
        partitions = []
        for asked in topic.partitions:
            answer = DeleteRecordsPartitionResult(partition_index=asked.partition_index, low_watermark=-1)
            try:
                answer.low_watermark = _trim(node, call, topic.name, asked.partition_index, asked.offset)
            except Refused as refused:
                answer.error_code = refused.code
            partitions.append(answer)
        topics.append(DeleteRecordsTopicResult(name=topic.name, partitions=partitions))
    call.saw(node.catalogue.ticket)
    return DeleteRecordsResponse(topics=topics)


def _trim(node: Node, call: Call, name: str, index: int, offset: int) -> int:
    """Delete what lies below `offset`; returns the new start of the log."""
    topic, partition = node.topics.get(name), node.partition(name, index)
    if topic is None or partition is None:
        raise Refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    if topic.internal:
        raise Refused(ErrorCode.INVALID_TOPIC_EXCEPTION)
    if topic.config.compacted and "delete" not in topic.config.cleanup_policy:
        raise Refused(ErrorCode.POLICY_VIOLATION)
    if offset == HIGH_WATERMARK:
        offset = partition.high_watermark
    if not 0 <= offset <= partition.high_watermark:
        raise Refused(ErrorCode.OFFSET_OUT_OF_RANGE)
    # The catalogue decides, not the log, whose start retention moves too.
    if offset > node.catalogue.state.log_starts.get((partition.topic_id, index), 0):
        node.change_catalogue(SetLogStart(partition.topic_id, index, offset), call, call.now)
        partition.log.advance_start(offset, call.now)
        partition.wake(call.now)
    return partition.log_start_offset
