"""WriteTxnMarkers (key 27), versions 1-2: end transactions in partitions, past the coordinator (`kafka-transactions abort`).

v2 says which protocol the transaction belongs to: in the new one a marker's epoch must be above the producer's. A marker that
comes too late gets 47 (Kafka: -1 in v1) or, of an older coordinator, 52. A marker of nobody (producer id, epoch or version -1)
is refused (42), where Kafka fails (-1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.transaction.facts import NO_EPOCH, NO_PRODUCER_ID
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

NEW, NO_VERSION = 2, -1


@handles(WriteTxnMarkersRequest, versions="1-2", needs="CLUSTER_ACTION cluster")
def write_txn_markers(node: Node, call: Call, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse:
    """Write each marker; answer each partition."""
    call.saw(node.catalogue.ticket)
    markers = [
        WritableTxnMarkerResult(marker.producer_id, _marked(node, call, marker)) for marker in request.markers
    ]
    return WriteTxnMarkersResponse(markers=[marker for marker in markers if marker.topics])


def _marked(node: Node, call: Call, marker: WritableTxnMarker) -> list[WritableTxnMarkerTopicResult]:
    """What became of one marker; a topic of which no partition is named has nothing to say."""
    return [
        WritableTxnMarkerTopicResult(
            topic.name,
            [
                WritableTxnMarkerPartitionResult(index, _end(node, call, marker, topic.name, index))
                for index in topic.partition_indexes
            ],
        )
        for topic in marker.topics
        if topic.partition_indexes
    ]


def _end(node: Node, call: Call, marker: WritableTxnMarker, topic: str, index: int) -> int:
    if marker.producer_id == NO_PRODUCER_ID or marker.producer_epoch == NO_EPOCH:
        return ErrorCode.INVALID_REQUEST
    partition = node.partition(topic, index)
    if partition is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if topic == node.transactions.topic:
        return ErrorCode.INVALID_TOPIC_EXCEPTION
    if marker.transaction_version == NO_VERSION:
        return ErrorCode.INVALID_REQUEST
    try:
        node.transactions.end(
            partition,
            (marker.producer_id, marker.producer_epoch),
            commit=marker.transaction_result,
            coordinator_epoch=marker.coordinator_epoch,
            must_rise=marker.transaction_version >= NEW,
            now=call.now,
        )
    except Refused as refused:
        return refused.code
    call.saw(partition.log.ticket)
    return ErrorCode.NONE
