"""ShareGroupHeartbeat (key 76), version 1: join, stay in and leave a share group (KIP-932).

The rules are in `coordinators/share/heartbeat.py`. Unlike Kafka's, the first answer holds partitions already. Not done: racks
are kept and shown, and make no difference (nor do they in Kafka's assignor).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.share.heartbeat import ShareHeartbeat
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(ShareGroupHeartbeatRequest, versions="1", needs="READ group; DESCRIBE topic")
def share_group_heartbeat(node: Node, call: Call, request: ShareGroupHeartbeatRequest) -> Handled:
    """Decide at once: this call is never parked."""
    node.shares.check_enabled(call)
    if node.store.full:
        code = ErrorCode.COORDINATOR_NOT_AVAILABLE  # retriable: clients ask again until there is space
        return ShareGroupHeartbeatResponse(
            error_code=code, error_message="The disk is full; free some space."
        )
    names = request.subscribed_topic_names
    command = ShareHeartbeat(
        token=call.token,
        group_id=request.group_id,
        member_id=request.member_id,
        member_epoch=request.member_epoch,
        rack_id=request.rack_id,
        topic_names=None if names is None else tuple(names),
        client_id=call.client_id or "",
        client_host=f"/{call.session.host}",
    )
    call.saw(node.catalogue.ticket)
    shard = node.group_shard(request.group_id, call.now)
    try:
        return shard.execute(command, call, call.now)
    except Refused as refused:
        call.saw(shard.ticket)
        return ShareGroupHeartbeatResponse(error_code=refused.code, error_message=refused.message)
