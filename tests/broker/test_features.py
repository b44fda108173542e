from __future__ import annotations

import pytest

from neuraxis.broker import features
from neuraxis.broker.coordinators.topics.cluster_facts import FeatureFact
from neuraxis.broker.features import SAFE_DOWNGRADE, UPGRADE, Feature, Update
from neuraxis.wire.errors import Refused


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        features, "FEATURES", {"group.version": Feature(0, 1, 1), "quorum": Feature(0, 1, 0, True)}
    )


def test_a_feature_that_is_off_is_not_finalised() -> None:
    assert features.finalised({}) == {"group.version": 1}
    assert features.finalised({"group.version": 0, "quorum": 1}) == {"quorum": 1}


def test_the_initial_level_is_kept_as_nothing() -> None:
    assert features.plan({}, [Update("group.version", 0, SAFE_DOWNGRADE)]) == [
        FeatureFact("group.version", 0)
    ]
    assert features.plan({"group.version": 0}, [Update("group.version", 1, UPGRADE)]) == [
        FeatureFact("group.version", None)
    ]


@pytest.mark.parametrize(
    "update",
    [
        Update("other", 1, UPGRADE),
        Update("group.version", 2, UPGRADE),
        Update("group.version", -1, SAFE_DOWNGRADE),
        Update("group.version", 0, UPGRADE),
        Update("group.version", 1, 9),
        Update("quorum", 0, SAFE_DOWNGRADE),
    ],
)
def test_what_cannot_be_is_refused(update: Update) -> None:
    with pytest.raises(Refused) as refused:
        features.plan({"quorum": 1}, [update])
    assert refused.value.code == 95


def test_an_upgrade_is_not_asked_for_as_a_downgrade() -> None:
    with pytest.raises(Refused):
        features.plan({"group.version": 0}, [Update("group.version", 1, SAFE_DOWNGRADE)])
