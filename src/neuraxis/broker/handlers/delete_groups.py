"""DeleteGroups (key 42), versions 0-3: delete groups without members (else 68), with their positions. v3 a message each.

A group named twice is deleted, and answered, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.group.commands import DeleteGroup
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.delete_groups import (
    DeletableGroupResult,
    DeleteGroupsRequest,
    DeleteGroupsResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DeleteGroupsRequest, versions="0-3", needs="DELETE group")
def delete_groups(node: Node, call: Call, request: DeleteGroupsRequest) -> DeleteGroupsResponse:
    """Delete what may be deleted; answer each group."""
    results = []
    for group_id in dict.fromkeys(request.groups_names):
        result = DeletableGroupResult(group_id=group_id)
        shard = node.group_shard(group_id, call.now)
        try:
            shard.execute(DeleteGroup(call.token, group_id), call, call.now)
            node.shares.forget_group(group_id, call)
        except Refused as refused:
            call.saw(shard.ticket)
            result.error_code = refused.code
            result.error_message = refused.message
        results.append(result)
    return DeleteGroupsResponse(results=results)
