"""UnregisterController (key 94): take a controller out of the cluster's metadata."""

from __future__ import annotations

from neuraxis.wire.schema import int16, int32, message, string


@message(key=94, valid="0", flexible="0+")
class UnregisterControllerRequest:
    controller_id: int = int32()


@message(key=94, valid="0", flexible="0+")
class UnregisterControllerResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
