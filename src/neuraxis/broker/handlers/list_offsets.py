"""ListOffsets (key 2), versions 1-11: offsets by timestamp or by one of Kafka's special positions.

v4 leader epochs, v7 the record with the largest timestamp, v8 the earliest local offset (the log start: nothing is
tiered), v9 the last tiered and v11 the earliest offset pending upload (none: -1).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node
    from neuraxis.broker.partition import Partition

READ_UNCOMMITTED, READ_COMMITTED = ISOLATION_LEVELS = (0, 1)
LATEST = -1
EARLIEST = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL = -4
LATEST_TIERED = -5
EARLIEST_PENDING_UPLOAD = -6
SINCE_VERSION = {MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LATEST_TIERED: 9, EARLIEST_PENDING_UPLOAD: 11}


@handles(ListOffsetsRequest, versions="1-11", needs="DESCRIBE topic")
def list_offsets(node: Node, call: Call, request: ListOffsetsRequest) -> Handled:
    """Answer each partition asked for; one named twice is refused, as by Kafka, and all where the isolation level is none."""
    return node.cold.serve(call, request, lambda: _answers(node, call, request))


def _answers(node: Node, call: Call, request: ListOffsetsRequest) -> ListOffsetsResponse:
    named = Counter(
        (topic.name, asked.partition_index) for topic in request.topics for asked in topic.partitions
    )
    topics = []
    for topic in request.topics:
        partitions = []
        for asked in topic.partitions:
            if (
                named[topic.name, asked.partition_index] > 1
                or request.isolation_level not in ISOLATION_LEVELS
            ):
                answer = _error(asked, ErrorCode.INVALID_REQUEST)
            else:
                answer = _answer(
                    node, call, topic.name, asked, committed=request.isolation_level == READ_COMMITTED
                )
            partitions.append(answer)
        if partitions:
            topics.append(ListOffsetsTopicResponse(name=topic.name, partitions=partitions))
    call.saw(node.catalogue.ticket)
    return ListOffsetsResponse(topics=topics)


def _answer(
    node: Node, call: Call, topic: str, asked: ListOffsetsPartition, *, committed: bool
) -> ListOffsetsPartitionResponse:
    partition = node.partition(topic, asked.partition_index)
    if partition is None:
        return _error(asked, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    code = partition.check_leader_epoch(asked.current_leader_epoch)
    if code:
        return _error(asked, code)
    timestamp = asked.timestamp
    if timestamp < EARLIEST_PENDING_UPLOAD or call.api_version < SINCE_VERSION.get(timestamp, 0):
        return _error(asked, ErrorCode.UNSUPPORTED_VERSION)
    try:
        found = _find(partition, timestamp, committed=committed)
    except Refused as refused:
        return _error(asked, refused.code)
    if found is None:
        return ListOffsetsPartitionResponse(partition_index=asked.partition_index)
    return ListOffsetsPartitionResponse(
        partition_index=asked.partition_index, timestamp=found[0], offset=found[1], leader_epoch=found[2]
    )


def _find(partition: Partition, timestamp: int, *, committed: bool) -> tuple[int, int, int] | None:
    """(timestamp, offset, leader epoch), or None where nothing fits."""
    limit = partition.last_stable_offset if committed else partition.high_watermark
    if timestamp == LATEST:
        return -1, limit, partition.leader_epoch
    if timestamp in (EARLIEST, EARLIEST_LOCAL):
        start = partition.log_start_offset
        return -1, start, partition.log.epochs.epoch_at(start)
    if timestamp in (LATEST_TIERED, EARLIEST_PENDING_UPLOAD):
        return None
    if timestamp == MAX_TIMESTAMP:
        found = partition.log.max_timestamp_offset()
    else:
        found = partition.log.offset_for_timestamp(timestamp)
    return found if found is not None and found[1] < limit else None


def _error(asked: ListOffsetsPartition, code: int) -> ListOffsetsPartitionResponse:
    return ListOffsetsPartitionResponse(partition_index=asked.partition_index, error_code=code)
