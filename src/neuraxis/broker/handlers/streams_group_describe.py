"""StreamsGroupDescribe (key 89), versions 0-1: state, topology, epochs and members of streams groups.

v1 the assignor, and the description of the topology if asked for: nobody keeps one here (status 1, see key 93).
A group that is not there, or is of another kind, is 69 GROUP_ID_NOT_FOUND; an empty name is 24.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import features
from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.streams import queries
from neuraxis.broker.handlers.describe_groups import ALL_OPERATIONS
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.streams_group_describe import (
    DescribedGroup,
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

NOBODY_KEEPS_IT = 1
"""The status of a topology description on a broker without a plug-in for them, as Kafka numbers it."""


@handles(StreamsGroupDescribeRequest, versions="0-1", needs="DESCRIBE group")
def streams_group_describe(
    node: Node, call: Call, request: StreamsGroupDescribeRequest
) -> StreamsGroupDescribeResponse:
    """Describe each group."""
    if not features.is_on(node.catalogue.read(call).cluster.features, features.STREAMS_VERSION):
        raise Refused(ErrorCode.UNSUPPORTED_VERSION, features.STREAMS_ARE_OFF)
    groups = [_described(node, call, group_id) for group_id in request.group_ids]
    for group in groups:
        if group.error_code:
            continue
        if request.include_authorized_operations:
            group.authorized_operations = ALL_OPERATIONS
        if request.include_topology_description:
            group.topology_description_status = NOBODY_KEEPS_IT
    return StreamsGroupDescribeResponse(groups=groups)


def _described(node: Node, call: Call, group_id: str) -> DescribedGroup:
    if not group_id:
        return DescribedGroup(
            error_code=ErrorCode.INVALID_GROUP_ID, error_message="The group id is empty.", group_id=group_id
        )
    group = node.group_shard(group_id, call.now).read(call).groups.get(group_id)
    if group is None or group.streams is None:
        return DescribedGroup(
            error_code=ErrorCode.GROUP_ID_NOT_FOUND,
            error_message=f"There is no streams group {group_id}.",
            group_id=group_id,
        )
    call.saw(node.catalogue.ticket)
    return queries.described(group_id, group.streams, node.group_machine.view)
