from __future__ import annotations

import pytest

from neuraxis.broker.group_view import GroupView
from neuraxis.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from tests.broker.harness import CoreHarness

GROUP, SET = 32, 0


@pytest.fixture
def broker() -> CoreHarness:
    broker = CoreHarness()
    broker.create_topic("drive", partitions=2)
    return broker


def test_topics_are_seen_as_they_are(broker: CoreHarness) -> None:
    view = GroupView(broker.node)
    seen = view.topic("drive")
    assert seen is not None
    assert (seen.name, seen.partitions) == ("drive", 2)
    assert view.topic_by_id(seen.topic_id) == seen
    assert view.topic("parked") is None
    assert view.topic_by_id(bytes(16)) is None


def test_the_version_rises_with_the_catalogue(broker: CoreHarness) -> None:
    view = GroupView(broker.node)
    before = view.version()
    broker.create_topic("park")
    assert view.version() > before


def test_expressions_may_match_internal_topics(broker: CoreHarness) -> None:
    broker.node.group_shard("g", broker.now)
    assert list(GroupView(broker.node).names()) == ["drive", "__consumer_offsets"]


def test_a_groups_own_config_goes_before_the_brokers(broker: CoreHarness) -> None:
    view = GroupView(broker.node)
    name = "consumer.heartbeat.interval.ms"
    change = AlterConfigsResource(GROUP, "g", [AlterableConfig(name, SET, "6000")])
    broker.connect().request(IncrementalAlterConfigsRequest([change], False), 1)
    assert (view.group_config("g", name), view.group_config("h", name)) == (6_000, 5_000)
