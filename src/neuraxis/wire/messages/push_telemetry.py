"""PushTelemetry (key 72): client metrics, pushed to the broker (KIP-714)."""

from __future__ import annotations

from neuraxis.wire.schema import boolean, bytes_, int8, int16, int32, message, uuid


@message(key=72, valid="0", flexible="0+")
class PushTelemetryRequest:
    client_instance_id: bytes = uuid()
    subscription_id: int = int32()
    terminating: bool = boolean()
    compression_type: int = int8()
    metrics: bytes = bytes_()


@message(key=72, valid="0", flexible="0+")
class PushTelemetryResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
