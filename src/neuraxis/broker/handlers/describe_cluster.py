"""DescribeCluster (key 60), versions 0-2: this broker, which is the controller too.

v1 endpoint types (there are no controller endpoints: 114); v2 fenced brokers (there are none).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.operations import CLUSTER_OPERATIONS, NOT_ASKED
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.describe_cluster import (
    DescribeClusterBroker,
    DescribeClusterRequest,
    DescribeClusterResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

BROKERS, CONTROLLERS = 1, 2


@handles(DescribeClusterRequest, versions="0-2", needs="DESCRIBE cluster, for authorised operations only")
def describe_cluster(node: Node, call: Call, request: DescribeClusterRequest) -> DescribeClusterResponse:
    """The cluster: one broker, at the address its listener advertises."""
    if request.endpoint_type != BROKERS:
        known = request.endpoint_type == CONTROLLERS
        return DescribeClusterResponse(
            error_code=ErrorCode.MISMATCHED_ENDPOINT_TYPE if known else ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
            error_message=(
                "This is a broker endpoint; there are no controller endpoints here."
                if known
                else f"There is no endpoint type {request.endpoint_type}; 1 means brokers."
            ),
        )
    listener = node.listener_of(call.session)
    asked = request.include_cluster_authorized_operations
    return DescribeClusterResponse(
        cluster_id=node.cluster_id,
        controller_id=node.node_id,
        brokers=[
            DescribeClusterBroker(
                broker_id=node.node_id,
                host=listener.advertised_host,
                port=listener.advertised_port,
                rack=node.settings.string("broker.rack") or None,
            )
        ],
        cluster_authorized_operations=CLUSTER_OPERATIONS if asked else NOT_ASKED,
    )
