"""CreateDelegationToken (key 38), versions 1-3: a token for the caller, or (v3) for another owner. 64, 61: see `tokens`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import tokens
from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.create_delegation_token import (
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(CreateDelegationTokenRequest, versions="1-3", needs="CREATE_TOKENS user, for another owner")
def create_delegation_token(
    node: Node, call: Call, request: CreateDelegationTokenRequest
) -> CreateDelegationTokenResponse:
    """Make a token."""
    requester = call.session.principal
    owner = requester
    if request.owner_principal_name:
        owner = tokens.principal(request.owner_principal_type or "", request.owner_principal_name)
    renewers = [tokens.principal(one.principal_type, one.principal_name) for one in request.renewers]
    answer = CreateDelegationTokenResponse(0, *tokens.split(owner), *tokens.split(requester))
    try:
        tokens.check_allowed(call, renewers)
    except Refused as refused:
        answer.error_code = refused.code
        answer.issue_timestamp_ms = answer.expiry_timestamp_ms = answer.max_timestamp_ms = -1
        return answer
    try:
        answer.token_id, token = tokens.create(node, call, owner, renewers, request.max_lifetime_ms)
    except Refused as refused:
        answer.error_code = refused.code
        return answer
    answer.issue_timestamp_ms = token.issue_ms
    answer.expiry_timestamp_ms = token.expiry_ms
    answer.max_timestamp_ms = token.max_ms
    answer.hmac = token.hmac
    return answer
