from __future__ import annotations

import json

import pytest

from neuraxis.broker import features
from neuraxis.broker.features import Feature
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.update_features import UpdateFeaturesRequest
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted
from tests.broker.scripts import replay
from tests.broker.scripts.features import HELLO, MORE, TRIES, update

KAFKAS = {
    "eligible.leader.replicas.version": Feature(0, 1, 1),
    "group.version": Feature(0, 1, 1),
    "kraft.version": Feature(0, 1, 0, fixed=True),
    "streams.version": Feature(0, 1, 1),
    "share.version": Feature(0, 2, 2),
    "transaction.version": Feature(0, 2, 2),
    "metadata.version": Feature(7, 33, 33, fixed=True),
}
"""What Apache Kafka 4.4.0 supports, and what a new node has; kraft.version is 0 where the quorum is fixed."""


def test_with_kafkas_features_they_are_updated_and_shown_as_by_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "FEATURES", KAFKAS)
    replay.play.cache_clear()
    try:
        replay.assert_kafkas_answers("features", UpdateFeaturesRequest, ApiVersionsRequest)
    finally:
        replay.play.cache_clear()


def test_what_is_not_supported_is_refused() -> None:
    peer = CoreHarness().connect()
    for name, one in (*TRIES, *MORE):
        answer = peer.request(update(one), 2)
        known = one[0] in features.FEATURES
        assert answer.error_code in ((0, 95) if known else (95,)), name


def test_our_features_are_kafkas_or_fewer() -> None:
    assert {name: KAFKAS.get(name) for name in features.FEATURES} == dict(features.FEATURES)


def test_levels_outlive_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "FEATURES", KAFKAS)
    broker = CoreHarness()
    assert broker.connect().request(update(("transaction.version", 1, 2)), 2).error_code == 0
    shown = restarted(broker).connect().request(HELLO, 4)
    levels = {each.name: each.max_version_level for each in shown.finalized_features}
    assert levels["transaction.version"] == 1, json.dumps(levels)
