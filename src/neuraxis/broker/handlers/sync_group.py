"""SyncGroup (key 14), versions 0-5: the leader hands in the assignment, everybody gets a share; parked until it is there.

v3 static members, v5 protocol type and name must be named. The rules are in `coordinators/group/members.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.group import commands
from neuraxis.wire.messages.sync_group import SyncGroupRequest

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(SyncGroupRequest, versions="0-5", needs="READ group")
def sync_group(node: Node, call: Call, request: SyncGroupRequest) -> Handled:
    """Hand in or wait for the assignment."""
    command = commands.SyncGroup(
        token=call.token,
        api_version=call.api_version,
        group_id=request.group_id,
        generation_id=request.generation_id,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        protocol_type=request.protocol_type,
        protocol_name=request.protocol_name,
        assignments=tuple((item.member_id, item.assignment) for item in request.assignments),
    )
    return node.group_shard(request.group_id, call.now).execute(command, call, call.now)
