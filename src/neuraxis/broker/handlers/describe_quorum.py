"""DescribeQuorum (key 55), versions 0-2: a quorum of one, this node; its log is the catalogue's.

v1 when the voter was last seen, v2 messages and where it is: the listener the question came in by, since there is no
controller of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.new_topics import CLUSTER_METADATA_TOPIC
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import describe_quorum as wire
from neuraxis.wire.messages.describe_quorum import DescribeQuorumRequest, DescribeQuorumResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

EPOCH = 1
"""The quorum's first leader epoch: its one voter is elected once."""


@handles(DescribeQuorumRequest, versions="0-2", needs="DESCRIBE cluster")
def describe_quorum(node: Node, call: Call, request: DescribeQuorumRequest) -> DescribeQuorumResponse:
    """The one partition of the metadata topic; a request for anything else is answered 3 all through."""
    asked = [
        (topic.topic_name, [one.partition_index for one in topic.partitions]) for topic in request.topics
    ]
    if asked != [(CLUSTER_METADATA_TOPIC, [0])]:
        return DescribeQuorumResponse(
            error_message="", topics=[_unknown(name, indexes) for name, indexes in asked]
        )
    call.saw(node.catalogue.ticket)
    end = node.catalogue.partition.log.log_end_offset
    voter = wire.ReplicaState(
        replica_id=node.node_id,
        log_end_offset=end,
        last_fetch_timestamp=call.now.wall_ms,
        last_caught_up_timestamp=call.now.wall_ms,
    )
    partition = wire.DescribeQuorumResponsePartitionData(
        error_message="",
        leader_id=node.node_id,
        leader_epoch=EPOCH,
        high_watermark=end,
        current_voters=[voter],
    )
    listener = node.listener_of(call.session)
    place = wire.Listener(listener.name, listener.advertised_host, listener.advertised_port)
    return DescribeQuorumResponse(
        error_message="",
        topics=[wire.DescribeQuorumResponseTopicData(CLUSTER_METADATA_TOPIC, [partition])],
        nodes=[wire.Node(node.node_id, [place])],
    )


def _unknown(name: str, indexes: list[int]) -> wire.DescribeQuorumResponseTopicData:
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    partitions = [
        wire.DescribeQuorumResponsePartitionData(
            partition_index=index, error_code=code, error_message=code.message
        )
        for index in indexes
    ]
    return wire.DescribeQuorumResponseTopicData(name, partitions)
