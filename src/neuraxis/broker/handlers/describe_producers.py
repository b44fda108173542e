"""DescribeProducers (key 61), version 0: producers that wrote to partitions lately, and their open transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.topic_names import is_valid_name
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    PartitionResponse,
    ProducerState,
    TopicResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DescribeProducersRequest, versions="0", needs="READ topic")
def describe_producers(
    node: Node, call: Call, request: DescribeProducersRequest
) -> DescribeProducersResponse:
    """Describe each partition's producers."""
    call.saw(node.catalogue.ticket)
    return DescribeProducersResponse(
        topics=[
            TopicResponse(
                topic.name, [_partition(node, call, topic.name, index) for index in topic.partition_indexes]
            )
            for topic in request.topics
        ]
    )


def _partition(node: Node, call: Call, topic: str, index: int) -> PartitionResponse:
    partition = node.partition(topic, index)
    if partition is None:
        code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if not is_valid_name(topic):
            code = ErrorCode.INVALID_TOPIC_EXCEPTION
        return PartitionResponse(index, code, code.message)
    call.saw(partition.log.ticket)
    producers = [
        ProducerState(
            producer_id=producer_id,
            producer_epoch=producer.epoch,
            last_sequence=producer.last_sequence,
            last_timestamp=producer.timestamp,
            coordinator_epoch=producer.coordinator_epoch,
            current_txn_start_offset=producer.transaction_start,
        )
        for producer_id, producer in partition.log.producers.by_id.items()
    ]
    return PartitionResponse(index, active_producers=producers)
