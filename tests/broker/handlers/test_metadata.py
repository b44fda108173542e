from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from neuraxis.broker import new_topics
from neuraxis.broker.config import Listener
from neuraxis.broker.node import CATALOGUE_ID, CATALOGUE_TOPIC
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.metadata import MetadataRequest
from tests.broker.admin_script import metadata
from tests.broker.harness import CoreHarness


def names(answer: Any) -> list[str]:
    return [topic.name for topic in answer.topics]


@pytest.mark.parametrize("version", range(14))
def test_every_version_is_answered(version: int) -> None:
    harness = CoreHarness()
    harness.create_topic("a", partitions=3)
    answer = harness.connect().request(metadata("a"), version)
    assert [broker.port for broker in answer.brokers] == [9092]
    assert [topic.error_code for topic in answer.topics] == [0]
    assert [partition.leader_id for partition in answer.topics[0].partitions] == [1, 1, 1]


def test_an_empty_list_means_all_topics_in_version_0_and_none_later() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    peer = harness.connect()
    assert names(peer.request(metadata(), 0)) == ["a"]
    assert names(peer.request(metadata(), 1)) == []
    assert names(peer.request(MetadataRequest(topics=None), 12)) == ["a"]


def test_a_topic_asked_for_is_created_and_served_in_the_same_answer() -> None:
    harness = CoreHarness(num_partitions="3")
    (topic,) = harness.connect().request(metadata("new", allow=True), 12).topics
    assert topic.error_code == 0
    assert len(topic.partitions) == 3
    assert harness.partition("new", 2).log_end_offset == 0


def test_the_answer_waits_until_a_created_topic_is_on_disk() -> None:
    harness = CoreHarness(works_wait=True)
    peer = harness.connect()
    peer.send(metadata("new", allow=True), 12)
    assert peer.answers() == []
    harness.do_works()
    assert len(peer.answers()) == 1


def test_nothing_is_created_when_the_broker_or_the_client_says_so() -> None:
    (topic,) = CoreHarness().connect().request(metadata("new", allow=False), 12).topics
    assert topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    stern = CoreHarness(auto_create_topics_enable="false")
    (topic,) = stern.connect().request(metadata("new", allow=True), 12).topics
    assert topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert not stern.node.topics


def test_nothing_is_created_on_a_full_disk() -> None:
    harness = CoreHarness()
    harness.store.full = True
    (topic,) = harness.connect().request(metadata("new", allow=True), 12).topics
    assert topic.error_code == ErrorCode.KAFKA_STORAGE_ERROR


def test_the_catalogue_is_shown_to_nobody_under_no_name() -> None:
    peer = CoreHarness().connect()
    assert peer.request(MetadataRequest(topics=None), 12).topics == []
    (topic,) = peer.request(metadata(CATALOGUE_TOPIC), 12).topics
    assert topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    (topic,) = peer.request(metadata(CATALOGUE_TOPIC, allow=True), 12).topics
    assert topic.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    (topic,) = peer.request(metadata(None, topic_id=CATALOGUE_ID), 12).topics
    assert topic.error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_the_offsets_topic_can_be_created_by_asking_and_is_internal() -> None:
    harness = CoreHarness()
    (topic,) = harness.connect().request(metadata("__consumer_offsets", allow=True), 12).topics
    assert topic.is_internal
    assert len(harness.node.group_shards) == len(topic.partitions) == 1


def test_the_address_is_that_of_the_listener_the_client_came_in_by() -> None:
    harness = CoreHarness()
    outside = Listener("OUTSIDE", "PLAINTEXT", "0.0.0.0", 9093, "outside.test", 19093)
    config = harness.node.config
    harness.node.config = dataclasses.replace(config, listeners=(*config.listeners, outside))
    inner, outer = harness.connect(), harness.connect()
    outer.session.listener = "OUTSIDE"
    (broker,) = inner.request(metadata(), 12).brokers
    assert (broker.host, broker.port) == ("broker.test", 9092)
    (broker,) = outer.request(metadata(), 12).brokers
    assert (broker.host, broker.port) == ("outside.test", 19093)


def test_the_rack_is_shown() -> None:
    (broker,) = CoreHarness(broker_rack="r7").connect().request(metadata(), 12).brokers
    assert broker.rack == "r7"


def test_topics_are_found_by_id() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    peer = harness.connect()
    (by_name,) = peer.request(metadata("a"), 12).topics
    (by_id,) = peer.request(metadata(None, topic_id=by_name.topic_id), 12).topics
    assert by_id.name == "a"
    assert by_id.partitions == by_name.partitions


def test_operations_are_told_of_topics_that_are_not_there_too() -> None:
    request = metadata("nope", include_topic_authorized_operations=True)
    (topic,) = CoreHarness().connect().request(request, 12).topics
    assert (topic.error_code, topic.topic_authorized_operations) == (3, 3576)


def test_who_asks_for_a_million_topics_does_not_get_them_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_topics, "MAX_NEW_PARTITIONS", 4)
    harness = CoreHarness(num_partitions="2")
    answer = harness.connect().request(metadata("a", "b", "c", allow=True), 12)
    assert [topic.error_code for topic in answer.topics] == [0, 0, ErrorCode.POLICY_VIOLATION]
    assert "c" not in harness.node.topics


def test_a_broker_that_is_full_of_partitions_makes_no_topic_for_who_asks() -> None:
    harness = CoreHarness(neuraxis_max_partitions="1")
    (topic,) = harness.connect().request(metadata("a", allow=True), 12).topics
    assert topic.error_code == ErrorCode.POLICY_VIOLATION
