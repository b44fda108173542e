"""RenewDelegationToken (key 39): extend the life of a delegation token."""

from __future__ import annotations

from neuraxis.wire.schema import bytes_, int16, int32, int64, message


@message(key=39, valid="1-2", flexible="2+")
class RenewDelegationTokenRequest:
    hmac: bytes = bytes_()
    renew_period_ms: int = int64()


@message(key=39, valid="1-2", flexible="2+")
class RenewDelegationTokenResponse:
    error_code: int = int16()
    expiry_timestamp_ms: int = int64()
    throttle_time_ms: int = int32()
