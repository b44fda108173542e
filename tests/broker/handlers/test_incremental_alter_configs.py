from __future__ import annotations

import pytest

from neuraxis.broker.config_changes import APPEND, BROKER, DELETE, SET, SUBTRACT, TOPIC
from neuraxis.broker.log.settings import Durability
from neuraxis.wire.errors import ErrorCode
from tests.broker.admin_script import change, describe, metadata
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted


@pytest.mark.parametrize("version", range(2))
def test_every_version_changes_single_configs_and_keeps_the_others(version: int) -> None:
    harness = CoreHarness()
    harness.create_topic("a", retention_ms="77", segment_ms="88")
    operations = [(SET, "retention.ms", "99"), (APPEND, "cleanup.policy", "compact")]
    (answer,) = harness.connect().request(change((TOPIC, "a", operations)), version).responses
    assert answer.error_code == 0
    assert harness.node.topics["a"].fact.configs == {
        "retention.ms": "99",
        "segment.ms": "88",
        "cleanup.policy": "delete,compact",
    }
    assert harness.partition("a").log.settings.retention_ms == 99
    assert harness.node.topics["a"].config.compacted


def test_a_change_of_durability_takes_effect_at_once() -> None:
    harness = CoreHarness("os")
    harness.create_topic("a")
    harness.connect().request(change((TOPIC, "a", [(SET, "flush.messages", "1")])), 1)
    assert harness.partition("a").log.settings.durability is Durability.SYNC


def test_a_broker_config_takes_effect_on_every_topic_that_says_nothing_itself() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    harness.create_topic("b", retention_ms="77")
    peer = harness.connect()
    peer.request(change((BROKER, "", [(SET, "log.retention.ms", "1000")])), 1)
    assert harness.partition("a").log.settings.retention_ms == 1000
    peer.request(change((BROKER, "1", [(SET, "log.retention.ms", "2000")])), 1)
    assert harness.partition("a").log.settings.retention_ms == 2000
    assert harness.partition("b").log.settings.retention_ms == 77
    peer.request(change((BROKER, "1", [(DELETE, "log.retention.ms", None)])), 1)
    assert harness.partition("a").log.settings.retention_ms == 1000


def test_changes_are_there_after_a_restart() -> None:
    harness = CoreHarness()
    harness.create_topic("a", cleanup_policy="compact,delete")
    peer = harness.connect()
    peer.request(change((TOPIC, "a", [(SUBTRACT, "cleanup.policy", "delete")])), 1)
    peer.request(change((BROKER, "", [(SET, "message.max.bytes", "5000")])), 1)
    again = restarted(harness)
    assert again.node.topics["a"].config.cleanup_policy == {"compact"}
    assert again.node.topics["a"].config.max_message_bytes == 5000


def test_the_answer_waits_until_the_change_is_on_disk() -> None:
    harness = CoreHarness("os")
    harness.create_topic("a")
    harness.works_wait = True
    peer = harness.connect()
    peer.send(change((TOPIC, "a", [(SET, "retention.ms", "99")])), 1)
    assert peer.answers() == []
    harness.do_works()
    assert len(peer.answers()) == 1


def test_the_policy_of_an_internal_topic_stays_and_its_retention_may_change() -> None:
    harness = CoreHarness()
    peer = harness.connect()
    peer.request(metadata("__consumer_offsets", allow=True), 12)
    for operation in ((SET, "cleanup.policy", "delete"), (DELETE, "cleanup.policy", None)):
        (answer,) = peer.request(change((TOPIC, "__consumer_offsets", [operation])), 1).responses
        assert answer.error_code == ErrorCode.INVALID_CONFIG
    (answer,) = peer.request(change((TOPIC, "__consumer_offsets", [(SET, "segment.ms", "99")])), 1).responses
    assert answer.error_code == 0


def test_a_wish_for_replicas_in_sync_is_kept_and_shown() -> None:
    harness = CoreHarness()
    harness.create_topic("a", min_insync_replicas="2")
    (result,) = harness.connect().request(describe((TOPIC, "a", ["min.insync.replicas"])), 4).results
    assert result.configs[0].value == "2"
