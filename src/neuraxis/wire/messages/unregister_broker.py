"""UnregisterBroker (key 64): take a broker out of the cluster's metadata."""

from __future__ import annotations

from neuraxis.wire.schema import int16, int32, message, string


@message(key=64, valid="0", flexible="0+")
class UnregisterBrokerRequest:
    broker_id: int = int32()


@message(key=64, valid="0", flexible="0+")
class UnregisterBrokerResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
