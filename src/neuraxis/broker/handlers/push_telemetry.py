"""PushTelemetry (key 72), version 0: the metrics of a client, as OTLP; the last push of each client is kept (KIP-714).

What decompresses is taken; whether it is OTLP is seen when somebody reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.push_telemetry import PushTelemetryRequest, PushTelemetryResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(PushTelemetryRequest, versions="0", needs="nothing")
def push_telemetry(node: Node, call: Call, request: PushTelemetryRequest) -> PushTelemetryResponse:
    """Keep the metrics, or say why not."""
    node.telemetry.refresh(node.catalogue.read(call).configs, node.catalogue.partition.log.log_end_offset)
    try:
        node.telemetry.push(
            bytes(request.client_instance_id),
            request.subscription_id,
            request.terminating,
            request.compression_type,
            bytes(request.metrics or b""),
            node.settings.integer("telemetry.max.bytes"),
            call,
        )
    except Refused as refused:
        return PushTelemetryResponse(error_code=refused.code)
    return PushTelemetryResponse()
