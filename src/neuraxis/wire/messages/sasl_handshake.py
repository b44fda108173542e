"""SaslHandshake (key 17): choose a SASL mechanism."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int16, message, string


@message(key=17, valid="0-1")
class SaslHandshakeRequest:
    mechanism: str = string()


@message(key=17, valid="0-1")
class SaslHandshakeResponse:
    error_code: int = int16()
    mechanisms: list[str] = array_of(string)
