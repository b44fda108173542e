"""ShareGroupDescribe (key 77), version 1: state, epochs and members of share groups.

A group that is not there, or is of another kind, is 69 GROUP_ID_NOT_FOUND; an empty name is 24.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.share import group_queries
from neuraxis.broker.handlers.describe_groups import ALL_OPERATIONS
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.share_group_describe import (
    DescribedGroup,
    ShareGroupDescribeRequest,
    ShareGroupDescribeResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(ShareGroupDescribeRequest, versions="1", needs="DESCRIBE group")
def share_group_describe(
    node: Node, call: Call, request: ShareGroupDescribeRequest
) -> ShareGroupDescribeResponse:
    """Describe each group."""
    node.shares.check_enabled(call)
    found = [_described(node, call, group_id) for group_id in request.group_ids]
    if request.include_authorized_operations:
        for group in found:
            if not group.error_code:
                group.authorized_operations = ALL_OPERATIONS
    return ShareGroupDescribeResponse(groups=found)


def _described(node: Node, call: Call, group_id: str) -> DescribedGroup:
    if not group_id:
        return DescribedGroup(
            error_code=ErrorCode.INVALID_GROUP_ID, error_message="The group id is empty.", group_id=group_id
        )
    shard = node.group_shard(group_id, call.now)
    group = group_queries.share_groups(shard.read(call)).get(group_id)
    if group is None:
        return DescribedGroup(
            error_code=ErrorCode.GROUP_ID_NOT_FOUND,
            error_message=f"There is no share group {group_id}.",
            group_id=group_id,
        )
    call.saw(node.catalogue.ticket)
    return group_queries.described(group_id, group, node.group_machine.view)
