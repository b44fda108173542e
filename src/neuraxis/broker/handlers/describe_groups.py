"""DescribeGroups (key 15), versions 0-6: state and members of groups.

v3 authorised operations, v4 static members, v6 69 GROUP_ID_NOT_FOUND for a missing group (before: the state Dead, code 0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.group import queries
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.describe_groups import (
    DescribedGroup,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

NOT_FOUND_FROM = 6
READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS = 3, 6, 8, 10, 11
ALL_OPERATIONS = 1 << READ | 1 << DELETE | 1 << DESCRIBE | 1 << DESCRIBE_CONFIGS | 1 << ALTER_CONFIGS
"""What may be done to a group, as the bits of Kafka's ACL operations: everything, while there are no ACLs."""


@handles(DescribeGroupsRequest, versions="0-6", needs="DESCRIBE group")
def describe_groups(node: Node, call: Call, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
    """Describe each group."""
    groups = []
    for group_id in request.groups:
        found = queries.described(node.group_shard(group_id, call.now).read(call), group_id)
        if found is None:
            found = DescribedGroup(group_id=group_id, group_state=queries.DEAD)
            if call.api_version >= NOT_FOUND_FROM:
                found.error_code = ErrorCode.GROUP_ID_NOT_FOUND
                found.error_message = f"Group {group_id} not found."
        if request.include_authorized_operations and not found.error_code:
            found.authorized_operations = ALL_OPERATIONS
        groups.append(found)
    return DescribeGroupsResponse(groups=groups)
