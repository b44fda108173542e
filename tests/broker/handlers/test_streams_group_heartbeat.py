"""StreamsGroupHeartbeat through the front door: what is made for a topology, and what the broker's state forbids."""

from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.update_features import FeatureUpdateKey, UpdateFeaturesRequest
from tests.broker import streams_script as script
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted


def test_missing_topics_are_made_and_the_next_heartbeat_finds_them() -> None:
    broker = CoreHarness("os", **script.SETTINGS)
    broker.create_topic("in4", partitions=4)
    peer = broker.connect()
    first = peer.request(script.beat("g", "a", 0, script.counting("g")), 1)
    assert ([each.status_code for each in first.status], first.active_tasks) == ([3], [])
    made = broker.node.topics["g-log"]
    assert (len(made.partitions), made.fact.configs["cleanup.policy"]) == (4, "compact")
    second = peer.request(script.beat("g", "a", 2), 1)
    assert (second.status, len(second.active_tasks)) == ([], 2)


def test_a_topic_that_cannot_be_made_is_named_with_the_reason() -> None:
    broker = CoreHarness("os")
    broker.create_topic("in2", partitions=2)
    bad = script.topology(script.part("0", ["in2"], logs=[script.info("log", cleanup_policy="nonsense")]))
    answer = broker.connect().request(script.beat("g", "a", 0, bad), 1)
    detail = next(each.status_detail for each in answer.status if each.status_code == 3)
    assert "cleanup.policy" in detail
    assert "log" not in broker.node.topics


def test_streams_groups_can_be_switched_off() -> None:
    broker = CoreHarness("os")
    peer = broker.connect()
    update = FeatureUpdateKey("streams.version", 0, False, 2)
    assert peer.request(UpdateFeaturesRequest(1_000, [update], False), 1).error_code == 0
    answer = peer.request(script.beat("g", "a", 0, script.PLAIN), 1)
    assert answer.error_code == ErrorCode.UNSUPPORTED_VERSION


def test_a_full_disk_takes_no_members() -> None:
    broker = CoreHarness("os")
    broker.store.full = True
    answer = broker.connect().request(script.beat("g", "a", 0, script.PLAIN), 1)
    assert answer.error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE


def test_a_group_survives_a_restart() -> None:
    broker = CoreHarness("os", **script.SETTINGS)
    broker.create_topic("in2", partitions=2)
    broker.connect().request(script.beat("g", "a", 0, script.PLAIN), 1)
    answer = restarted(broker).connect().request(script.beat("g", "a", 2), 1)
    assert (answer.error_code, answer.member_epoch) == (0, 2)
