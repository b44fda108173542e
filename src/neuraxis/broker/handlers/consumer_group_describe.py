"""ConsumerGroupDescribe (key 69), versions 0-1: state, epochs and members of consumer groups. v1 the type of each member.

A group that is not there, or is a classic one, is 69 GROUP_ID_NOT_FOUND; an empty name is 24.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import features
from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.group.consumer import queries
from neuraxis.broker.handlers.describe_groups import ALL_OPERATIONS
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    DescribedGroup,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(ConsumerGroupDescribeRequest, versions="0-1", needs="DESCRIBE group")
def consumer_group_describe(
    node: Node, call: Call, request: ConsumerGroupDescribeRequest
) -> ConsumerGroupDescribeResponse:
    """Describe each group."""
    if not features.is_on(node.catalogue.state.cluster.features, features.GROUP_VERSION):
        raise Refused(ErrorCode.UNSUPPORTED_VERSION, features.GROUPS_ARE_OFF)
    found = [_described(node, call, group_id) for group_id in request.group_ids]
    if request.include_authorized_operations:
        for group in found:
            if not group.error_code:
                group.authorized_operations = ALL_OPERATIONS
    return ConsumerGroupDescribeResponse(groups=found)


def _described(node: Node, call: Call, group_id: str) -> DescribedGroup:
    if not group_id:
        return DescribedGroup(
            error_code=ErrorCode.INVALID_GROUP_ID, error_message="The group id is empty.", group_id=group_id
        )
    shard = node.group_shard(group_id, call.now)
    group = shard.read(call).groups.get(group_id)
    if group is None or group.consumer is None:
        return DescribedGroup(
            error_code=ErrorCode.GROUP_ID_NOT_FOUND,
            error_message=f"There is no consumer group {group_id}.",
            group_id=group_id,
        )
    call.saw(node.catalogue.ticket)
    machine = node.group_machine
    return queries.described(group_id, group.consumer, machine.settings, machine.view)
