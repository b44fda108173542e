"""AlterPartitionReassignments (key 45), versions 0-1: a partition can be assigned to this broker alone, where it is.

So a move to [this broker] is done at once, another is refused (39), and there is none to cancel (85). The timeout and
v1's switch for changes of the replication factor mean nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.new_topics import check_assignment
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ReassignablePartition,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(AlterPartitionReassignmentsRequest, versions="0-1", needs="ALTER cluster")
def alter_partition_reassignments(
    node: Node, call: Call, request: AlterPartitionReassignmentsRequest
) -> AlterPartitionReassignmentsResponse:
    """Answer each partition."""
    call.saw(node.catalogue.ticket)
    responses = [
        ReassignableTopicResponse(
            name=topic.name, partitions=[_answer(node, topic.name, one) for one in topic.partitions]
        )
        for topic in request.topics
    ]
    return AlterPartitionReassignmentsResponse(
        allow_replication_factor_change=request.allow_replication_factor_change,
        error_message=None if request.topics else "",
        responses=responses,
    )


def _answer(node: Node, topic: str, wanted: ReassignablePartition) -> ReassignablePartitionResponse:
    answer = ReassignablePartitionResponse(partition_index=wanted.partition_index, error_message=None)
    if node.partition(topic, wanted.partition_index) is None:
        answer.error_code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        answer.error_message = f"There is no partition {wanted.partition_index} of topic {topic}."
    elif wanted.replicas is None:
        answer.error_code = ErrorCode.NO_REASSIGNMENT_IN_PROGRESS
    else:
        try:
            check_assignment(node, wanted.replicas)
        except Refused as refused:
            answer.error_code, answer.error_message = refused.code, refused.message
    return answer
