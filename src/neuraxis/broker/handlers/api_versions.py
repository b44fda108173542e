"""ApiVersions (key 18), versions 0-5.

v3 client software name and version (checked against Kafka's pattern), v5 the cluster and node the client expects.
A version above 5 is answered in version 0 with error 35 and the whole table (the core does that).
Client telemetry (71, 72) is shown once there is a subscription: before, clients would only ask for nothing.
Features whose lowest level is 0 are shown as supported from v4 on. `features.py` says which there are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from neuraxis.broker import features
from neuraxis.broker.call import Call, handles
from neuraxis.broker.telemetry import CLIENT_METRICS
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    FinalizedFeatureKey,
    SupportedFeatureKey,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")
NO_NODE = -1
OPTIONAL_SINCE = 4
"""The first version whose clients understand supported features with a lowest level of 0 (KAFKA-17011)."""


TELEMETRY_KEYS = frozenset({71, 72})
"""Kafka shows them when a plug-in receives metrics; librdkafka writes a line to its log at every start where it sees them."""


@handles(ApiVersionsRequest, versions="0-5", needs="nothing", anonymous=True)
def api_versions(node: Node, call: Call, request: ApiVersionsRequest) -> ApiVersionsResponse:
    """Say what this broker serves; remember what the client is."""
    if call.api_version >= 3:
        name, version = request.client_software_name, request.client_software_version
        if not SOFTWARE.fullmatch(name) or not SOFTWARE.fullmatch(version):
            return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST)
        call.session.software_name, call.session.software_version = name, version
        node.counters.introduced(call.session)
    if call.api_version >= 5 and (code := _expectation(node, request)):
        return ApiVersionsResponse(error_code=code)
    state = node.catalogue.read(call)
    levels = features.finalised(state.cluster.features)
    telemetry = any(kind == CLIENT_METRICS for kind, _ in state.configs)
    return ApiVersionsResponse(
        api_keys=[
            ApiVersion(api.key, api.advertised_minimum, api.maximum)
            for api in node.apis.values()
            if api.advertised and (telemetry or api.key not in TELEMETRY_KEYS)
        ],
        supported_features=[
            SupportedFeatureKey(name, feature.low, feature.high)
            for name, feature in features.FEATURES.items()
            if feature.low > 0 or call.api_version >= OPTIONAL_SINCE
        ],
        finalized_features_epoch=1
        + node.catalogue.partition.log.log_end_offset,  # it rises with every change
        finalized_features=[FinalizedFeatureKey(name, level, level) for name, level in levels.items()],
    )


def _expectation(node: Node, request: ApiVersionsRequest) -> ErrorCode:
    """Whether this is the broker that the client expects: it names cluster and node, or neither."""
    if (request.cluster_id is None) != (request.node_id == NO_NODE):
        return ErrorCode.INVALID_REQUEST
    if request.cluster_id is None or (request.cluster_id, request.node_id) == (node.cluster_id, node.node_id):
        return ErrorCode.NONE
    return ErrorCode.REBOOTSTRAP_REQUIRED
