"""ListConfigResources (key 74), versions 0-1: which resources have configs of their own. v0 lists client metrics alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.config_changes import BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.list_config_resources import (
    ConfigResource,
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

ALL_TYPES = (TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP)


@handles(ListConfigResourcesRequest, versions="0-1", needs="DESCRIBE_CONFIGS cluster")
def list_config_resources(
    node: Node, call: Call, request: ListConfigResourcesRequest
) -> ListConfigResourcesResponse:
    """The resources of the types asked for, or of all types."""
    call.saw(node.catalogue.ticket)
    wanted = set(request.resource_types) or set(ALL_TYPES)
    if call.api_version == 0:
        wanted = {CLIENT_METRICS}
    if not wanted <= set(ALL_TYPES):
        return ListConfigResourcesResponse(error_code=ErrorCode.UNSUPPORTED_VERSION)
    state = node.catalogue.state
    resources = [(TOPIC, name) for name in state.topics]
    resources += [(BROKER, str(node.node_id)), (BROKER_LOGGER, str(node.node_id))]
    resources += [(kind, name) for kind, name in state.configs if kind in (CLIENT_METRICS, GROUP)]
    return ListConfigResourcesResponse(
        config_resources=[
            ConfigResource(resource_name=name, resource_type=kind)
            for kind, name in resources
            if kind in wanted
        ]
    )
