"""StreamsGroupTopologyDescriptionUpdate (key 93), version 0: describe a topology to a plug-in of the broker (KIP-1331).

Always 35 UNSUPPORTED_VERSION, as on a Kafka without `group.streams.topology.description.plugin.class`, its default: that is a
Java class, which cannot be loaded here. Heartbeats never ask for a description, so clients do not send one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.streams_group_topology_description_update import (
    StreamsGroupTopologyDescriptionUpdateRequest,
    StreamsGroupTopologyDescriptionUpdateResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(StreamsGroupTopologyDescriptionUpdateRequest, versions="0", needs="READ group")
def streams_group_topology_description_update(
    node: Node, call: Call, request: StreamsGroupTopologyDescriptionUpdateRequest
) -> StreamsGroupTopologyDescriptionUpdateResponse:
    """Say that nobody keeps descriptions."""
    return StreamsGroupTopologyDescriptionUpdateResponse(
        error_code=ErrorCode.UNSUPPORTED_VERSION,
        error_message="This broker keeps no descriptions of topologies: that needs a plug-in in Java.",
    )
