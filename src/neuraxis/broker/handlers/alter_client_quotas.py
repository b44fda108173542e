"""AlterClientQuotas (key 49), versions 0-1: set and remove quotas of users, client ids and addresses.

They count at once, also for who is connected. An address is written as such: host names are not looked up (42).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from neuraxis.broker import quotas
from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.topics.cluster_facts import QuotaFact
from neuraxis.broker.coordinators.topics.machine import ChangeCluster
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    AlterClientQuotasResponseEntryData,
    EntityData,
    EntryData,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

Parts = tuple[tuple[str, str | None], ...]


@handles(AlterClientQuotasRequest, versions="0-1", needs="ALTER_CONFIGS cluster")
def alter_client_quotas(
    node: Node, call: Call, request: AlterClientQuotasRequest
) -> AlterClientQuotasResponse:
    """Carry out the good entries; an entity that is named twice is refused once."""
    parts = [{one.entity_type: one.entity_name for one in entry.entity} for entry in request.entries]
    keys: list[Parts] = [tuple(sorted(part.items(), key=str)) for part in parts]
    counts = Counter(keys)
    answers: dict[Parts, AlterClientQuotasResponseEntryData] = {}
    facts: list[QuotaFact] = []
    for key, part, entry in zip(keys, parts, request.entries, strict=True):
        answer = AlterClientQuotasResponseEntryData(
            error_message=None,
            entity=[EntityData(entity_type=kind, entity_name=name) for kind, name in part.items()],
        )
        try:
            if counts[key] > 1:
                raise Refused(ErrorCode.INVALID_REQUEST, "The request names this entity twice.")
            facts.append(_plan(node, part, entry))
        except Refused as refused:
            answer.error_code, answer.error_message = refused.code, refused.message
        answers[key] = answer
    if not request.validate_only:
        node.change_catalogue(ChangeCluster(tuple(facts)), call, call.now)
        node.refresh_quotas()
    return AlterClientQuotasResponse(entries=list(answers.values()))


def _plan(node: Node, parts: dict[str, str | None], entry: EntryData) -> QuotaFact:
    entity = quotas.check_entity(parts)
    current = node.catalogue.state.cluster.quotas.get(entity, {})
    changes = [quotas.Change(one.key, None if one.remove else one.value) for one in entry.ops]
    return QuotaFact(entity, quotas.plan(entity, current, changes))
