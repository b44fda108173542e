"""DescribeClientQuotas (key 48), versions 0-1: the quotas of the entities that a filter means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import quotas
from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.describe_client_quotas import (
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
    EntityData,
    EntryData,
    ValueData,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DescribeClientQuotasRequest, versions="0-1", needs="DESCRIBE_CONFIGS cluster")
def describe_client_quotas(
    node: Node, call: Call, request: DescribeClientQuotasRequest
) -> DescribeClientQuotasResponse:
    """Find the entities."""
    components = [quotas.Component(one.entity_type, one.match_type, one.match) for one in request.components]
    try:
        quotas.check_filter(components)
    except Refused as refused:
        return DescribeClientQuotasResponse(
            error_code=refused.code, error_message=refused.message, entries=None
        )
    known = node.catalogue.read(call).cluster.quotas
    entries = [
        EntryData(
            entity=[EntityData(entity_type=kind, entity_name=name) for kind, name in entity],
            values=[ValueData(key=key, value=value) for key, value in values.items()],
        )
        for entity, values in quotas.find(known, components, strict=request.strict)
    ]
    return DescribeClientQuotasResponse(error_message="", entries=entries)
