"""AlterUserScramCredentials (key 51), version 0: give users SCRAM credentials and take them away.

Kept are the salt, the stored key and the server key. An empty salted password is refused (93), where Kafka fails (-1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import scram_credentials
from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.topics.machine import ChangeCluster
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(AlterUserScramCredentialsRequest, versions="0", needs="ALTER cluster")
def alter_user_scram_credentials(
    node: Node, call: Call, request: AlterUserScramCredentialsRequest
) -> AlterUserScramCredentialsResponse:
    """Carry out what is good; each user is answered once."""
    plans = scram_credentials.plan(
        node.catalogue.read(call).cluster.scram,
        [scram_credentials.Deletion(one.name, one.mechanism) for one in request.deletions],
        [
            scram_credentials.Upsertion(
                one.name, one.mechanism, one.iterations, bytes(one.salt), bytes(one.salted_password)
            )
            for one in request.upsertions
        ],
    )
    facts = tuple(plan for plan in plans.values() if not isinstance(plan, Refused))
    node.change_catalogue(ChangeCluster(facts), call, call.now)
    return AlterUserScramCredentialsResponse(
        results=[
            AlterUserScramCredentialsResult(user=user, error_code=plan.code, error_message=plan.message)
            if isinstance(plan, Refused)
            else AlterUserScramCredentialsResult(user=user, error_message=None)
            for user, plan in plans.items()
        ]
    )
