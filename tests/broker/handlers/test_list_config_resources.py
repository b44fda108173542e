from __future__ import annotations

from neuraxis.broker.config_changes import BROKER, CLIENT_METRICS, GROUP, SET, TOPIC
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.list_config_resources import ListConfigResourcesRequest
from tests.broker.admin_script import change
from tests.broker.harness import CoreHarness
from tests.broker.scripts.replay import assert_kafkas_answers


def test_resources_are_listed_by_type() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    peer = harness.connect()
    peer.request(change((GROUP, "g", [(SET, "consumer.session.timeout.ms", "50000")])), 1)
    peer.request(change((CLIENT_METRICS, "m", [(SET, "interval.ms", "1000")])), 1)

    def listed(*types: int, version: int = 1) -> list[tuple[int, str]]:
        answer = peer.request(ListConfigResourcesRequest(resource_types=list(types)), version)
        assert answer.error_code == 0
        return [(each.resource_type, each.resource_name) for each in answer.config_resources]

    assert listed(TOPIC, GROUP) == [(TOPIC, "a"), (GROUP, "g")]
    assert listed(BROKER) == [(BROKER, "1")]
    assert len(listed()) == 5
    assert listed(version=0) == [(CLIENT_METRICS, "m")]


def test_an_unknown_type_is_refused() -> None:
    answer = CoreHarness().connect().request(ListConfigResourcesRequest(resource_types=[99]), 1)
    assert answer.error_code == ErrorCode.UNSUPPORTED_VERSION


def test_kinds_of_resources_are_listed_as_by_kafka() -> None:
    assert_kafkas_answers("one_node", ListConfigResourcesRequest)
