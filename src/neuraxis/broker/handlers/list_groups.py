"""ListGroups (key 16), versions 0-5: the groups of this node. v4 filter by state, v5 filter by type; case does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.group import queries
from neuraxis.broker.coordinators.share import group_queries
from neuraxis.wire.messages.list_groups import ListedGroup, ListGroupsRequest, ListGroupsResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(ListGroupsRequest, versions="0-5", needs="DESCRIBE cluster or DESCRIBE group")
def list_groups(node: Node, call: Call, request: ListGroupsRequest) -> ListGroupsResponse:
    """List the groups that pass the filters."""
    groups: list[ListedGroup] = []
    for shard in node.group_shards:
        state = shard.read(call)
        groups.extend(queries.listed(state, request.states_filter, request.types_filter))
        groups.extend(group_queries.listed(state, request.states_filter, request.types_filter))
    return ListGroupsResponse(groups=groups)
