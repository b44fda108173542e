"""Heartbeat (key 12), versions 0-4: a member of a classic group lives. v3 static members.

The answer is 27 REBALANCE_IN_PROGRESS while a rebalance waits for members. Rules: `coordinators/group/members.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.group import commands
from neuraxis.wire.messages.heartbeat import HeartbeatRequest

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(HeartbeatRequest, versions="0-4", needs="READ group")
def heartbeat(node: Node, call: Call, request: HeartbeatRequest) -> Handled:
    """Extend the member's session."""
    command = commands.Heartbeat(
        call.token, request.group_id, request.generation_id, request.member_id, request.group_instance_id
    )
    return node.group_shard(request.group_id, call.now).execute(command, call, call.now)
