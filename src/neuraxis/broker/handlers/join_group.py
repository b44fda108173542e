"""JoinGroup (key 11), versions 0-9: enter a classic group, or its next generation; parked until the rebalance is over.

v1 rebalance timeout (before: the session timeout), v4 a new dynamic member joins twice (79 MEMBER_ID_REQUIRED), v5 static
members, v7 protocol type, v8 a reason (not used), v9 skip_assignment. The rules are in `coordinators/group/join.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.group import commands
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.join_group import JoinGroupRequest, JoinGroupResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

REBALANCE_TIMEOUT_FROM = 1
PROTOCOL_NAME_NULLABLE_FROM = 7


@handles(JoinGroupRequest, versions="0-9", needs="READ group")
def join_group(node: Node, call: Call, request: JoinGroupRequest) -> Handled:
    """Join; the answer may come much later."""
    version = call.api_version
    if node.store.full:
        name = None if version >= PROTOCOL_NAME_NULLABLE_FROM else ""
        code = ErrorCode.COORDINATOR_NOT_AVAILABLE  # retriable: clients ask again until there is space
        return JoinGroupResponse(error_code=code, member_id=request.member_id, protocol_name=name)
    has_timeout = version >= REBALANCE_TIMEOUT_FROM
    command = commands.JoinGroup(
        token=call.token,
        api_version=version,
        group_id=request.group_id,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        client_id=call.client_id or "",
        client_host=f"/{call.session.host}",
        session_timeout_ms=request.session_timeout_ms,
        rebalance_timeout_ms=request.rebalance_timeout_ms if has_timeout else request.session_timeout_ms,
        protocol_type=request.protocol_type,
        protocols=tuple((protocol.name, protocol.metadata) for protocol in request.protocols),
        unique=uuid_text(node.new_uuid()),
    )
    return node.group_shard(request.group_id, call.now).execute(command, call, call.now)


def uuid_text(value: bytes) -> str:
    """A UUID as text."""
    digits = value.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
