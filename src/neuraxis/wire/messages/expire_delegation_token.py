"""ExpireDelegationToken (key 40): end the life of a delegation token."""

from __future__ import annotations

from neuraxis.wire.schema import bytes_, int16, int32, int64, message


@message(key=40, valid="1-2", flexible="2+")
class ExpireDelegationTokenRequest:
    hmac: bytes = bytes_()
    expiry_time_period_ms: int = int64()


@message(key=40, valid="1-2", flexible="2+")
class ExpireDelegationTokenResponse:
    error_code: int = int16()
    expiry_timestamp_ms: int = int64()
    throttle_time_ms: int = int32()
