from __future__ import annotations

import dataclasses

import pytest

from neuraxis.broker.log.settings import Durability
from neuraxis.wire.errors import ErrorCode
from tests.broker.admin_script import create, topic
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted


@pytest.mark.parametrize("version", range(2, 8))
def test_every_version_creates(version: int) -> None:
    harness = CoreHarness()
    (answer,) = harness.connect().request(create(topic("a", 2)), version).topics
    assert answer.error_code == 0
    assert len(harness.node.topics["a"].partitions) == 2
    assert (answer.topic_id == harness.node.topics["a"].topic_id) is (version >= 7)


def test_a_topic_is_there_after_a_restart_with_its_id_and_configs() -> None:
    harness = CoreHarness()
    (answer,) = harness.connect().request(create(topic("a", 2, configs=[("retention.ms", "77")])), 7).topics
    again = restarted(harness).node.topics["a"]
    assert again.topic_id == answer.topic_id
    assert len(again.partitions) == 2
    assert again.config.log.retention_ms == 77


def test_the_answer_waits_until_the_topic_is_on_disk_whatever_its_policy() -> None:
    harness = CoreHarness("os", works_wait=True)
    peer = harness.connect()
    peer.send(create(topic("a")), 7)
    assert peer.answers() == []
    harness.do_works()
    assert len(peer.answers()) == 1


def test_a_topic_chooses_its_own_durability() -> None:
    harness = CoreHarness("os")
    harness.connect().request(create(topic("a", configs=[("flush.messages", "1")]), topic("b")), 7)
    assert harness.partition("a").log.settings.durability is Durability.SYNC
    assert harness.partition("b").log.settings.durability is Durability.OS


def test_more_replicas_than_brokers_are_a_wish_that_is_kept() -> None:
    harness = CoreHarness()
    (answer,) = harness.connect().request(create(topic("a", 1, 3)), 7).topics
    assert (answer.error_code, answer.replication_factor) == (0, 1)
    assert harness.node.topics["a"].fact.replication_factor == 3


def test_the_strict_switch_refuses_more_replicas_than_brokers() -> None:
    harness = CoreHarness()
    harness.node.config = dataclasses.replace(harness.node.config, strict_replication=True)
    (answer,) = harness.connect().request(create(topic("a", 1, 2)), 7).topics
    assert answer.error_code == ErrorCode.INVALID_REPLICATION_FACTOR
    assert not harness.node.topics


def test_a_full_disk_refuses_new_topics_and_says_what_to_do() -> None:
    harness = CoreHarness()
    harness.store.full = True
    (answer,) = harness.connect().request(create(topic("a")), 7).topics
    assert answer.error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert "free space" in answer.error_message


def test_one_bad_topic_does_not_keep_the_others_out() -> None:
    harness = CoreHarness()
    answers = harness.connect().request(create(topic("a"), topic("no name"), topic("b")), 7).topics
    assert [answer.error_code for answer in answers] == [0, ErrorCode.INVALID_TOPIC_EXCEPTION, 0]
    assert sorted(harness.node.topics) == ["a", "b"]


def test_validating_writes_nothing() -> None:
    harness = CoreHarness()
    written = harness.node.writes.count
    (answer,) = harness.connect().request(create(topic("a"), validate_only=True), 7).topics
    assert answer.error_code == 0
    assert harness.node.writes.count == written
    assert not harness.node.topics


def test_the_limit_of_partitions_counts_the_whole_request() -> None:
    harness = CoreHarness("os")
    request = create(topic("a", 9_999), topic("b", 2), topic("c", 1), validate_only=True)
    answers = harness.connect().request(request, 7).topics
    assert [answer.error_code for answer in answers] == [0, ErrorCode.POLICY_VIOLATION, 0]


def test_the_answer_shows_configs_with_their_sources() -> None:
    answer = CoreHarness("sync").connect().request(create(topic("a", configs=[("retention.ms", "77")])), 5)
    shown = {config.name: (config.value, config.config_source) for config in answer.topics[0].configs}
    assert shown["retention.ms"] == ("77", 1)
    assert shown["flush.messages"] == ("1", 4), "the durability policy is a static broker config"
    assert shown["segment.bytes"] == ("1073741824", 5)


def test_a_partition_is_assigned_only_once() -> None:
    request = create(topic("a", -1, -1, {0: [1]}))
    request.topics[0].assignments *= 2
    (answer,) = CoreHarness().connect().request(request, 7).topics
    assert answer.error_code == ErrorCode.INVALID_REPLICA_ASSIGNMENT


def test_a_taken_name_is_refused_in_words_that_scripts_around_kafka_topics_look_for() -> None:
    peer = CoreHarness().connect()
    peer.request(create(topic("a")), 7)
    (answer,) = peer.request(create(topic("a")), 7).topics
    assert answer.error_code == ErrorCode.TOPIC_ALREADY_EXISTS
    assert "already exists" in answer.error_message


def test_a_request_of_a_hundred_thousand_names_is_answered_before_anybody_notices() -> None:
    harness = CoreHarness()
    names = [topic(f"bad name {number}") for number in range(100_000)]
    answers = harness.connect().request(create(*names), 7).topics
    assert {answer.error_code for answer in answers} == {ErrorCode.INVALID_TOPIC_EXCEPTION}
    assert len(answers) == len(names)
