"""UpdateFeatures (key 57), versions 0-2: raise or lower finalised features; one wrong update refuses all (95).

v1 validates only and tells safe from unsafe downgrades (both are the same here), v2 answers for the whole request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import features
from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.topics.machine import ChangeCluster
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.update_features import (
    FeatureUpdateKey,
    UpdatableFeatureResult,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

RESULTS_UNTIL = 1
"""The last version that answers each feature."""


@handles(UpdateFeaturesRequest, versions="0-2", needs="ALTER cluster")
def update_features(node: Node, call: Call, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse:
    """Carry all updates out, or none."""
    updates = [
        features.Update(one.feature, one.max_version_level, _kind(one, call.api_version))
        for one in request.feature_updates
    ]
    try:
        facts = features.plan(node.catalogue.read(call).cluster.features, updates)
    except Refused as refused:
        return UpdateFeaturesResponse(error_code=refused.code, error_message=refused.message)
    if not request.validate_only:
        node.change_catalogue(ChangeCluster(tuple(facts)), call, call.now)
    results = [
        UpdatableFeatureResult(
            feature=one.feature, error_message="Possible." if request.validate_only else "Done."
        )
        for one in request.feature_updates
        if call.api_version <= RESULTS_UNTIL
    ]
    return UpdateFeaturesResponse(error_message=None, results=results)


def _kind(update: FeatureUpdateKey, version: int) -> int:
    if version > 0:
        return update.upgrade_type
    return features.SAFE_DOWNGRADE if update.allow_downgrade else features.UPGRADE
