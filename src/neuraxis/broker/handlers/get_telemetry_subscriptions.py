"""GetTelemetrySubscriptions (key 71), version 0: which metrics this client is to push, how often, how large (KIP-714).

What is wanted are the client-metrics configs that match the client. Values are asked for as they stand, not as
differences: the broker keeps the last push of a client, and a lost push loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.telemetry import COMPRESSIONS
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(GetTelemetrySubscriptionsRequest, versions="0", needs="nothing")
def get_telemetry_subscriptions(
    node: Node, call: Call, request: GetTelemetrySubscriptionsRequest
) -> GetTelemetrySubscriptionsResponse:
    """Find what is wanted; a client without an instance id is given one."""
    node.telemetry.refresh(node.catalogue.read(call).configs, node.catalogue.partition.log.log_end_offset)
    try:
        instance = node.telemetry.subscribe(bytes(request.client_instance_id), call, node.new_uuid)
    except Refused as refused:
        return GetTelemetrySubscriptionsResponse(error_code=refused.code)
    return GetTelemetrySubscriptionsResponse(
        client_instance_id=instance.id,
        subscription_id=instance.subscription_id,
        accepted_compression_types=[int(each) for each in COMPRESSIONS],
        push_interval_ms=instance.interval_ms,
        telemetry_max_bytes=node.settings.integer("telemetry.max.bytes"),
        delta_temporality=False,
        requested_metrics=list(instance.metrics),
    )
