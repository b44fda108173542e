"""OffsetForLeaderEpoch (key 23), versions 2-4: where a leader epoch ended, so that a client notices a truncation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.offset_for_leader_epoch import (
    EpochEndOffset,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


NO_EPOCH = -1
"""Asked for no epoch at all: there is no end to tell."""


@handles(OffsetForLeaderEpochRequest, versions="2-4", needs="DESCRIBE topic")
def offset_for_leader_epoch(
    node: Node, call: Call, request: OffsetForLeaderEpochRequest
) -> OffsetForLeaderEpochResponse:
    """Answer for each partition the end of the newest epoch that is not above the one asked for."""
    results = []
    for topic in request.topics:
        partitions = [_answer(node, topic.topic, asked) for asked in topic.partitions]
        results.append(OffsetForLeaderTopicResult(topic=topic.topic, partitions=partitions))
    call.saw(node.catalogue.ticket)
    return OffsetForLeaderEpochResponse(topics=results)


def _answer(node: Node, topic: str, asked: OffsetForLeaderPartition) -> EpochEndOffset:
    partition = node.partition(topic, asked.partition)
    if partition is None:
        return EpochEndOffset(error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, partition=asked.partition)
    code = partition.check_leader_epoch(asked.current_leader_epoch)
    if code:
        return EpochEndOffset(error_code=code, partition=asked.partition)
    if asked.leader_epoch == NO_EPOCH:
        return EpochEndOffset(partition=asked.partition)
    epoch, end_offset = partition.log.end_offset_for_epoch(asked.leader_epoch)
    # What is not shown yet could still be lost: a consumer must not validate against it.
    end_offset = min(end_offset, partition.high_watermark)
    return EpochEndOffset(partition=asked.partition, leader_epoch=epoch, end_offset=end_offset)
