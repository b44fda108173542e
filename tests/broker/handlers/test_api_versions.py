from __future__ import annotations

import pytest

from neuraxis.broker.handlers.api_versions import TELEMETRY_KEYS
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from tests.broker.harness import CoreHarness
from tests.broker.scripts.telemetry import subscribe


def hello(**fields: object) -> ApiVersionsRequest:
    return ApiVersionsRequest(**{"client_software_name": "app", "client_software_version": "1.0", **fields})


@pytest.mark.parametrize("version", range(6))
def test_every_version_shows_the_whole_table_as_advertised(version: int) -> None:
    broker = CoreHarness()
    answer = broker.connect().request(hello(), version)
    assert answer.error_code == 0
    shown = [(each.api_key, each.min_version, each.max_version) for each in answer.api_keys]
    assert shown == [
        (api.key, api.advertised_minimum, api.maximum)
        for api in broker.core.apis.values()
        if api.advertised and api.key not in TELEMETRY_KEYS
    ]
    assert (0, 0, 13) in shown, "librdkafka compresses only for brokers that show Produce version 0"


def test_client_telemetry_is_advertised_once_somebody_subscribes_to_it() -> None:
    peer = CoreHarness().connect()
    before = {each.api_key for each in peer.request(hello(), 4).api_keys}
    peer.request(subscribe("all", metrics="*"), 1)
    after = {each.api_key for each in peer.request(hello(), 4).api_keys}
    assert after - before == TELEMETRY_KEYS


def test_the_session_remembers_name_and_version_of_the_clients_software() -> None:
    broker = CoreHarness()
    peer = broker.connect()
    peer.request(hello(client_software_name="librdkafka", client_software_version="2.12.0-RC1"), 4)
    assert (peer.session.software_name, peer.session.software_version) == ("librdkafka", "2.12.0-RC1")


@pytest.mark.parametrize("name", ["", "-app", "app-", "my app", "app\n", ".", "größe"])
def test_a_software_name_outside_kafkas_pattern_is_42_and_not_remembered(name: str) -> None:
    broker = CoreHarness()
    peer = broker.connect()
    for fields in ({"client_software_name": name}, {"client_software_version": name}):
        answer = peer.request(hello(**fields), 3)
        assert answer.error_code == ErrorCode.INVALID_REQUEST
        assert answer.api_keys == []
    assert peer.session.software_name == ""


def test_a_client_that_expects_another_cluster_or_node_is_told_to_bootstrap_again() -> None:
    broker = CoreHarness()
    peer = broker.connect()
    cluster_id = broker.node.cluster_id
    assert peer.request(hello(cluster_id=cluster_id, node_id=1), 5).error_code == 0
    assert (
        peer.request(hello(cluster_id="another", node_id=1), 5).error_code == ErrorCode.REBOOTSTRAP_REQUIRED
    )
    assert (
        peer.request(hello(cluster_id=cluster_id, node_id=2), 5).error_code == ErrorCode.REBOOTSTRAP_REQUIRED
    )


def test_a_client_names_both_cluster_and_node_or_neither() -> None:
    broker = CoreHarness()
    peer = broker.connect()
    assert peer.request(hello(cluster_id=None, node_id=-1), 5).error_code == 0
    for cluster_id, node_id in ((broker.node.cluster_id, -1), (None, 1), ("another", -1), (None, -2)):
        answer = peer.request(hello(cluster_id=cluster_id, node_id=node_id), 5)
        assert answer.error_code == ErrorCode.INVALID_REQUEST


def test_only_features_that_work_are_shown() -> None:
    answer = CoreHarness().connect().request(hello(), 4)
    working = {"metadata.version", "group.version", "transaction.version", "share.version", "streams.version"}
    assert {each.name for each in answer.supported_features} == working
    assert {each.name: each.max_version_level for each in answer.finalized_features}[
        "transaction.version"
    ] == 2
