"""SaslAuthenticate (key 36), versions 0-2. No listener speaks SASL yet: 34, as by Kafka on such a listener."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(SaslAuthenticateRequest, versions="0-2", needs="nothing", anonymous=True)
def sasl_authenticate(node: Node, call: Call, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse:
    """Refuse."""
    del node, call, request
    return SaslAuthenticateResponse(
        error_code=ErrorCode.ILLEGAL_SASL_STATE,
        error_message="This listener does not ask for authentication: connect without SASL.",
    )
