"""Features as Kafka finalises them: which levels this release supports, which are in force, and how they may change.

Rule of the file: a feature is in the table when its machine works, so that clients switch on only what they get.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.coordinators.topics.cluster_facts import FeatureFact
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE = 1, 2, 3
"""The protocol's kinds of update; a downgrade may also raise nothing."""


class Feature(NamedTuple):
    """Supported levels, and the one a new cluster has."""

    low: int
    high: int
    initial: int
    fixed: bool = False
    """Whether it can never be lowered."""


METADATA_VERSION = "metadata.version"
GROUP_VERSION = "group.version"
SHARE_VERSION = "share.version"
STREAMS_VERSION = "streams.version"
TRANSACTION_VERSION = "transaction.version"
GROUPS_ARE_OFF = (
    "Consumer groups of the newer protocol are switched off: raise the feature group.version to 1."
)
STREAMS_ARE_OFF = "Streams groups are switched off: raise the feature streams.version to 1."
FEATURES: Mapping[str, Feature] = {
    METADATA_VERSION: Feature(7, 33, 33, fixed=True),
    GROUP_VERSION: Feature(0, 1, 1),
    SHARE_VERSION: Feature(0, 2, 2),
    STREAMS_VERSION: Feature(0, 1, 1),
    TRANSACTION_VERSION: Feature(0, 2, 2),
}
"""What this release supports, with the levels of Kafka 4.4.0. A level of 0 means that the feature is off."""


class Update(NamedTuple):
    """One wish."""

    feature: str
    level: int
    kind: int


def finalised(levels: Mapping[str, int]) -> dict[str, int]:
    """The levels in force, given those that differ from a new cluster's; features that are off are left out."""
    every = {name: levels.get(name, feature.initial) for name, feature in FEATURES.items()}
    return {name: level for name, level in every.items() if level > 0}


def is_on(levels: Mapping[str, int], name: str) -> bool:
    """Whether a feature is in force."""
    return levels.get(name, FEATURES[name].initial) > 0


def plan(levels: Mapping[str, int], updates: Sequence[Update]) -> list[FeatureFact]:
    """The facts that carry the updates out. Refuses (95) all of them when one is not possible."""
    facts = []
    for name, level, kind in updates:
        feature = FEATURES.get(name)
        if feature is None:
            raise _refuse(f"This broker does not support the feature {name!r}.")
        if kind not in (UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE):
            raise _refuse(f"There is no kind of update {kind}: 1 raises, 2 and 3 lower.")
        if not feature.low <= level <= feature.high:
            raise _refuse(f"{name} cannot be {level}: this broker supports {feature.low} to {feature.high}.")
        current = levels.get(name, feature.initial)
        if level < current and (kind == UPGRADE or feature.fixed):
            raise _refuse(f"{name} is {current} and cannot go down to {level}.")
        if level > current and kind != UPGRADE:
            raise _refuse(
                f"{name} is {current}: {level} would be an upgrade, and the request says downgrade."
            )
        facts.append(FeatureFact(name, None if level == feature.initial else level))
    return facts


def _refuse(message: str) -> Refused:
    return Refused(ErrorCode.INVALID_UPDATE_VERSION, message)
