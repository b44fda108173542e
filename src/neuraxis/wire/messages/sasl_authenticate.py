"""SaslAuthenticate (key 36): one step of a SASL exchange."""

from __future__ import annotations

from neuraxis.wire.schema import bytes_, int16, int64, message, string


@message(key=36, valid="0-2", flexible="2+")
class SaslAuthenticateRequest:
    auth_bytes: bytes = bytes_()


@message(key=36, valid="0-2", flexible="2+")
class SaslAuthenticateResponse:
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    auth_bytes: bytes = bytes_()
    session_lifetime_ms: int = int64("1+")
