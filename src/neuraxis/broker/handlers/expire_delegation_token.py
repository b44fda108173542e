"""ExpireDelegationToken (key 40), versions 1-2: let a token end soon, or (negative period) remove it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import tokens
from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.expire_delegation_token import (
    ExpireDelegationTokenRequest,
    ExpireDelegationTokenResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(ExpireDelegationTokenRequest, versions="1-2", needs="to be owner or renewer")
def expire_delegation_token(
    node: Node, call: Call, request: ExpireDelegationTokenRequest
) -> ExpireDelegationTokenResponse:
    """Set the new end."""
    try:
        tokens.check_allowed(call)
    except Refused as refused:
        return ExpireDelegationTokenResponse(error_code=refused.code, expiry_timestamp_ms=-1)
    try:
        expiry_ms = tokens.expire(node, call, bytes(request.hmac), request.expiry_time_period_ms)
    except Refused as refused:
        return ExpireDelegationTokenResponse(error_code=refused.code)
    return ExpireDelegationTokenResponse(expiry_timestamp_ms=expiry_ms)
