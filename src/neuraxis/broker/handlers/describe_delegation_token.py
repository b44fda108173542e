"""DescribeDelegationToken (key 41), versions 1-3: the tokens of some owners, or (null) of all. v3 who asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import tokens
from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.describe_delegation_token import (
    DescribedDelegationToken,
    DescribedDelegationTokenRenewer,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.topics.cluster_facts import Token
    from neuraxis.broker.node import Node


@handles(
    DescribeDelegationTokenRequest, versions="1-3", needs="DESCRIBE delegation token, for those of others"
)
def describe_delegation_token(
    node: Node, call: Call, request: DescribeDelegationTokenRequest
) -> DescribeDelegationTokenResponse:
    """Show the tokens, with their HMAC: who may see a token may use it."""
    try:
        tokens.check_allowed(call)
        tokens.check_switched_on(node)
    except Refused as refused:
        return DescribeDelegationTokenResponse(error_code=refused.code)
    owners = None
    if request.owners is not None:
        owners = [tokens.principal(one.principal_type, one.principal_name) for one in request.owners]
    return DescribeDelegationTokenResponse(
        tokens=[_shown(token_id, token) for token_id, token in tokens.visible(node, call, owners)]
    )


def _shown(token_id: str, token: Token) -> DescribedDelegationToken:
    return DescribedDelegationToken(
        *(*tokens.split(token.owner), *tokens.split(token.requester)),
        issue_timestamp=token.issue_ms,
        expiry_timestamp=token.expiry_ms,
        max_timestamp=token.max_ms,
        token_id=token_id,
        hmac=token.hmac,
        renewers=[DescribedDelegationTokenRenewer(*tokens.split(one)) for one in token.renewers],
    )
