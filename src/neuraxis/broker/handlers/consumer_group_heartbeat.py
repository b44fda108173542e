"""ConsumerGroupHeartbeat (key 68), versions 0-1: join, stay in and leave a consumer group of the newer protocol (KIP-848).

v1 regular expressions, and clients make their own member ids. The rules are in `coordinators/group/consumer/heartbeat.py`.
Unlike Kafka's, a new regular expression is resolved at once, so that the first answer holds partitions already.
Not done: assignors by Java class; racks are kept and shown, and make no difference (nor do they in Kafka's assignors).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import features
from neuraxis.broker.authorisation.authoriser import TOPIC
from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.group.consumer.heartbeat import ConsumerHeartbeat
from neuraxis.broker.handlers.join_group import uuid_text
from neuraxis.broker.operations import DESCRIBE
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(ConsumerGroupHeartbeatRequest, versions="0-1", needs="READ group")
def consumer_group_heartbeat(node: Node, call: Call, request: ConsumerGroupHeartbeatRequest) -> Handled:
    """Decide at once: this call is never parked."""
    if node.store.full:
        code = ErrorCode.COORDINATOR_NOT_AVAILABLE  # retriable: clients ask again until there is space
        return ConsumerGroupHeartbeatResponse(
            error_code=code, error_message="The disk is full; free some space."
        )
    if not features.is_on(node.catalogue.state.cluster.features, features.GROUP_VERSION):
        return ConsumerGroupHeartbeatResponse(
            error_code=ErrorCode.UNSUPPORTED_VERSION, error_message=features.GROUPS_ARE_OFF
        )
    guard = node.guard
    names, owned = request.subscribed_topic_names, request.topic_partitions
    command = ConsumerHeartbeat(
        token=call.token,
        api_version=call.api_version,
        group_id=request.group_id,
        member_id=request.member_id,
        member_epoch=request.member_epoch,
        instance_id=request.instance_id,
        rack_id=request.rack_id,
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        topic_names=None if names is None else tuple(names),
        topic_regex=request.subscribed_topic_regex,
        server_assignor=request.server_assignor,
        owned=None if owned is None else {bytes(item.topic_id): tuple(item.partitions) for item in owned},
        client_id=call.client_id or "",
        client_host=f"/{call.session.host}",
        unique=uuid_text(node.new_uuid()),
        may_describe=None if guard is None else lambda name: guard.would_allow(call, DESCRIBE, TOPIC, name),
    )
    call.saw(node.catalogue.ticket)
    return node.group_shard(request.group_id, call.now).execute(command, call, call.now)
