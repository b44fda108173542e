"""SaslAuthenticate (key 36), versions 0-2: one message of a SASL exchange; 58 for a login that failed, 34 out of order.

v1 session_lifetime_ms: after how long the client must log in again (KIP-368). A failed login is answered after
`connection.failed.authentication.delay.ms` and closes the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.security.exchange import Challenge, Rejected
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node
    from neuraxis.broker.security.logins import Admission


@handles(SaslAuthenticateRequest, versions="0-2", needs="nothing", anonymous=True)
def sasl_authenticate(node: Node, call: Call, request: SaslAuthenticateRequest) -> Handled:
    """Take the next message of the exchange."""
    gate = call.session.gate
    if gate is None or gate.exchange is None:
        return SaslAuthenticateResponse(
            error_code=ErrorCode.ILLEGAL_SASL_STATE,
            error_message="This listener does not ask for authentication: connect without SASL."
            if gate is None
            else "SaslHandshake comes first.",
        )
    return node.logins.step(call, bytes(request.auth_bytes), _answer)


def _answer(outcome: Challenge | Admission | Rejected) -> SaslAuthenticateResponse:
    if isinstance(outcome, Rejected):
        return SaslAuthenticateResponse(
            error_code=ErrorCode.SASL_AUTHENTICATION_FAILED, error_message=outcome.told
        )
    if isinstance(outcome, Challenge):
        return SaslAuthenticateResponse(error_message="", auth_bytes=outcome.data)
    return SaslAuthenticateResponse(
        error_message="", auth_bytes=outcome.data, session_lifetime_ms=outcome.lifetime_ms
    )
