"""DescribeUserScramCredentials (key 50), version 0: which users have which credentials. Null or no names: everybody."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.describe_user_scram_credentials import (
    CredentialInfo,
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DescribeUserScramCredentialsRequest, versions="0", needs="DESCRIBE cluster")
def describe_user_scram_credentials(
    node: Node, call: Call, request: DescribeUserScramCredentialsRequest
) -> DescribeUserScramCredentialsResponse:
    """Mechanisms and iterations of each user; never a key."""
    known: dict[str, list[CredentialInfo]] = {}
    for (user, mechanism), credential in sorted(node.catalogue.read(call).cluster.scram.items()):
        known.setdefault(user, []).append(
            CredentialInfo(mechanism=mechanism, iterations=credential.iterations)
        )
    counts = Counter(one.name for one in request.users or ()) or Counter(list(known))
    results = []
    for user, count in counts.items():
        result = DescribeUserScramCredentialsResult(user=user, error_message="")
        if count > 1:
            result.error_code = ErrorCode.DUPLICATE_RESOURCE
            result.error_message = "The request names this user twice."
        elif user not in known:
            result.error_code = ErrorCode.RESOURCE_NOT_FOUND
            result.error_message = "The user has no SCRAM credential."
        else:
            result.credential_infos = known[user]
        results.append(result)
    return DescribeUserScramCredentialsResponse(error_message="", results=results)
