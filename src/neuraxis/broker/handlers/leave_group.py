"""LeaveGroup (key 13), versions 0-5: members leave a classic group at once.

v3 several members, static ones also by their instance id alone (an administrator's way); v5 a reason (not used).
The rules are in `coordinators/group/members.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.group import commands
from neuraxis.wire.messages.leave_group import LeaveGroupRequest

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

MEMBERS_FROM = 3


@handles(LeaveGroupRequest, versions="0-5", needs="READ group")
def leave_group(node: Node, call: Call, request: LeaveGroupRequest) -> Handled:
    """Take the members out."""
    members: tuple[tuple[str, str | None], ...] = ((request.member_id, None),)
    if call.api_version >= MEMBERS_FROM:
        members = tuple((member.member_id, member.group_instance_id) for member in request.members)
    command = commands.LeaveGroup(call.token, call.api_version, request.group_id, members)
    return node.group_shard(request.group_id, call.now).execute(command, call, call.now)
