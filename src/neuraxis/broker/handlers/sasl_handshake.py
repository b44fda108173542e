"""SaslHandshake (key 17), versions 0-1: the client chooses a mechanism; 33 and the list for one that is not offered.

v0 tokens follow without headers, v1 in SaslAuthenticate. Where nobody has to log in, and where it is not the time for it, 34.
A session that ends logs in again with it (KIP-368), by the mechanism it had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.security.exchange import Rejected
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

RAW_VERSION = 0


@handles(SaslHandshakeRequest, versions="0-1", needs="nothing", anonymous=True)
def sasl_handshake(node: Node, call: Call, request: SaslHandshakeRequest) -> Handled:
    """Begin a login."""
    gate = call.session.gate
    raw = call.api_version == RAW_VERSION
    if gate is None or not gate.may_choose(call.now) or (raw and gate.identity is not None):
        return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
    offered = list(node.logins.mechanisms(call.session))
    other = gate.identity is not None and request.mechanism != gate.mechanism
    if request.mechanism not in offered or other:
        reason = f"asked for the SASL mechanism {request.mechanism!r:.100}; offered are {', '.join(offered)}"
        if other:
            reason = f"changed its SASL mechanism from {gate.mechanism} to {request.mechanism!r:.100}"
        return node.logins.reject(
            call,
            Rejected("", reason),
            call.now,
            lambda: SaslHandshakeResponse(
                error_code=ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms=offered
            ),
        )
    gate.choose(request.mechanism, node.logins.exchange(call.session, request.mechanism), call.now, raw=raw)
    return SaslHandshakeResponse(mechanisms=offered)
