"""SaslHandshake (key 17), versions 0-1. No listener speaks SASL yet: 34, as by Kafka on such a listener."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(SaslHandshakeRequest, versions="0-1", needs="nothing", anonymous=True)
def sasl_handshake(node: Node, call: Call, request: SaslHandshakeRequest) -> SaslHandshakeResponse:
    """Refuse."""
    del node, call, request
    return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
