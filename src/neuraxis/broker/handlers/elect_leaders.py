"""ElectLeaders (key 43), versions 0-2: there is one replica, so every partition has the leader it should have (84).

Without topics every topic is named, with nothing to say of its partitions, as by Kafka. v1 kinds of election.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.elect_leaders import (
    ElectLeadersRequest,
    ElectLeadersResponse,
    PartitionResult,
    ReplicaElectionResult,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

ELECTION_TYPES = (0, 1)
"""Preferred and unclean."""


@handles(ElectLeadersRequest, versions="0-2", needs="ALTER cluster")
def elect_leaders(node: Node, call: Call, request: ElectLeadersRequest) -> ElectLeadersResponse:
    """Say that nothing is to be elected."""
    call.saw(node.catalogue.ticket)
    known_type = call.api_version == 0 or request.election_type in ELECTION_TYPES
    answer = ElectLeadersResponse()
    if not known_type:
        answer.error_code = ErrorCode.INVALID_REQUEST
    if request.topic_partitions is None:
        if known_type:
            answer.replica_election_results = [ReplicaElectionResult(topic=name) for name in node.topics]
        return answer
    for topic in request.topic_partitions:
        results = []
        for index in topic.partitions:
            code = ErrorCode.ELECTION_NOT_NEEDED
            if not known_type:
                code = ErrorCode.INVALID_REQUEST
            elif node.partition(topic.topic, index) is None:
                code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            results.append(PartitionResult(partition_id=index, error_code=code, error_message=code.message))
        answer.replica_election_results.append(ReplicaElectionResult(topic.topic, results))
    return answer
