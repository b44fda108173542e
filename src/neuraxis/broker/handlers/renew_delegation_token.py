"""RenewDelegationToken (key 39), versions 1-2: prolong a token of one's own, or that one may renew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import tokens
from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.renew_delegation_token import (
    RenewDelegationTokenRequest,
    RenewDelegationTokenResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(RenewDelegationTokenRequest, versions="1-2", needs="to be owner or renewer")
def renew_delegation_token(
    node: Node, call: Call, request: RenewDelegationTokenRequest
) -> RenewDelegationTokenResponse:
    """Set the new end, at most the token's longest life."""
    try:
        tokens.check_allowed(call)
    except Refused as refused:
        return RenewDelegationTokenResponse(error_code=refused.code, expiry_timestamp_ms=-1)
    try:
        expiry_ms = tokens.renew(node, call, bytes(request.hmac), request.renew_period_ms)
    except Refused as refused:
        return RenewDelegationTokenResponse(error_code=refused.code)
    return RenewDelegationTokenResponse(expiry_timestamp_ms=expiry_ms)
