"""UpdateFeatures and the features that ApiVersions shows."""

from __future__ import annotations

from typing import Any

from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.update_features import FeatureUpdateKey, UpdateFeaturesRequest
from tests.broker.scripts.player import Script, Step

UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE = 1, 2, 3


def update(*updates: tuple[str, int, int], validate_only: bool = False) -> Any:
    return UpdateFeaturesRequest(
        feature_updates=[
            FeatureUpdateKey(
                feature=name, max_version_level=level, upgrade_type=kind, allow_downgrade=kind != UPGRADE
            )
            for name, level, kind in updates
        ],
        validate_only=validate_only,
    )


HELLO = ApiVersionsRequest(client_software_name="app", client_software_version="1")
TRIES = [
    ("same", ("metadata.version", 33, UPGRADE)),
    ("beyond", ("metadata.version", 34, UPGRADE)),
    ("lower without leave", ("metadata.version", 32, UPGRADE)),
    ("lower, safe", ("metadata.version", 32, SAFE_DOWNGRADE)),
    ("lower, unsafe", ("metadata.version", 32, UNSAFE_DOWNGRADE)),
    ("far lower, safe", ("metadata.version", 7, SAFE_DOWNGRADE)),
    ("zero", ("metadata.version", 0, SAFE_DOWNGRADE)),
    ("below the lowest", ("metadata.version", 6, SAFE_DOWNGRADE)),
    ("negative", ("metadata.version", -1, SAFE_DOWNGRADE)),
    ("same as a downgrade", ("metadata.version", 33, SAFE_DOWNGRADE)),
    ("type 0", ("metadata.version", 33, 0)),
    ("type 9", ("metadata.version", 33, 9)),
    ("unknown feature", ("what.version", 1, UPGRADE)),
    ("unknown feature to 0", ("what.version", 0, SAFE_DOWNGRADE)),
    ("empty feature", ("", 1, UPGRADE)),
]
MORE = [
    ("group same", ("group.version", 1, UPGRADE)),
    ("group beyond", ("group.version", 2, UPGRADE)),
    ("group off without leave", ("group.version", 0, UPGRADE)),
    ("group off", ("group.version", 0, SAFE_DOWNGRADE)),
    ("group off again", ("group.version", 0, SAFE_DOWNGRADE)),
    ("group on as a downgrade", ("group.version", 1, SAFE_DOWNGRADE)),
    ("group on", ("group.version", 1, UPGRADE)),
    ("transaction to 1 without leave", ("transaction.version", 1, UPGRADE)),
    ("transaction to 1", ("transaction.version", 1, SAFE_DOWNGRADE)),
    ("transaction to 1 unsafe", ("transaction.version", 1, UNSAFE_DOWNGRADE)),
    ("transaction to 0", ("transaction.version", 0, SAFE_DOWNGRADE)),
    ("transaction to 2", ("transaction.version", 2, UPGRADE)),
    ("share off", ("share.version", 0, SAFE_DOWNGRADE)),
    ("share on", ("share.version", 1, UPGRADE)),
    ("share to 2", ("share.version", 2, UPGRADE)),
    ("streams off", ("streams.version", 0, SAFE_DOWNGRADE)),
    ("streams on", ("streams.version", 1, UPGRADE)),
    ("elr off", ("eligible.leader.replicas.version", 0, SAFE_DOWNGRADE)),
    ("elr on", ("eligible.leader.replicas.version", 1, UPGRADE)),
    ("kraft 1", ("kraft.version", 1, UPGRADE)),
    ("kraft 0", ("kraft.version", 0, SAFE_DOWNGRADE)),
]
NOT_IN_V0 = ("lower, safe", "lower, unsafe", "far lower, safe")
SAME = ("metadata.version", 33, UPGRADE)
GROUP_OFF = ("group.version", 0, SAFE_DOWNGRADE)
UNKNOWN = ("what.version", 1, UPGRADE)
STEPS = [
    Step("shown", HELLO, 4),
    Step("shown v3", HELLO, 3),
    *(Step(f"validate: {name}", update(one, validate_only=True), 2) for name, one in [*TRIES, *MORE]),
    *(Step(f"validate v1: {name}", update(one, validate_only=True), 1) for name, one in TRIES),
    *(Step(f"v0: {name}", update(one), 0) for name, one in TRIES if name not in NOT_IN_V0),
    Step("validate: two, one bad", update(SAME, UNKNOWN, validate_only=True), 1),
    Step("validate v2: two, one bad", update(SAME, UNKNOWN, validate_only=True), 2),
    Step("validate: twice", update(SAME, SAME, validate_only=True), 1),
    Step("validate v2: twice", update(GROUP_OFF, ("group.version", 1, UPGRADE), validate_only=True), 2),
    Step("nothing", update(), 1),
    Step("nothing v2", update(), 2),
    Step("still shown", HELLO, 4),
    *(Step(f"do: {name}", update(one), 2) for name, one in MORE),
    Step("shown after", HELLO, 4),
    Step("do: group off v1", update(("group.version", 0, SAFE_DOWNGRADE)), 1),
    Step("shown without groups", HELLO, 4),
    Step("do: group on v1", update(("group.version", 1, UPGRADE)), 1),
    Step("do: lower", update(("metadata.version", 32, SAFE_DOWNGRADE)), 2),
    Step("do: back", update(("metadata.version", 33, UPGRADE)), 2),
    Step("shown at the end", HELLO, 4),
]  # fmt: skip

SCRIPT = Script(STEPS)
