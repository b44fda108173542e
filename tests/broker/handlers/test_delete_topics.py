from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.config_changes import BROKER, SET
from neuraxis.broker.coordinators.group.commands import ForgetTopic
from neuraxis.wire.errors import ErrorCode
from tests.broker.admin_script import NO_ID, change, delete, delete6, metadata, trim
from tests.broker.harness import CoreHarness, batch_of, fetch_request
from tests.broker.restart import restarted


@pytest.mark.parametrize("version", range(1, 6))
def test_every_version_deletes_by_name(version: int) -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    (answer,) = harness.connect().request(delete("a"), version).responses
    assert answer.error_code == 0
    assert harness.node.topics == {}
    assert harness.node.topics_by_id == {}
    assert not harness.node.catalogue.state.topics


def test_version_6_deletes_by_id_and_tells_the_name() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    topic_id = harness.node.topics["a"].topic_id
    (answer,) = harness.connect().request(delete6((None, topic_id)), 6).responses
    assert (answer.name, answer.topic_id, answer.error_code) == ("a", topic_id, 0)


def test_a_deleted_topic_stays_deleted_and_a_new_one_of_its_name_is_empty() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    peer = harness.connect()
    peer.produce("a", batch_of(b"old"))
    peer.request(trim(("a", [(0, 1)])), 2)
    before = harness.node.topics["a"].topic_id
    peer.request(delete("a"), 5)
    harness.create_topic("a")
    again = restarted(harness)
    assert again.node.topics["a"].topic_id != before
    assert again.partition("a").log_end_offset == again.partition("a").log_start_offset == 0
    assert again.node.catalogue.state.log_starts == {}


def test_the_answer_waits_until_the_deletion_is_on_disk() -> None:
    harness = CoreHarness("os")
    harness.create_topic("a")
    harness.works_wait = True
    peer = harness.connect()
    peer.send(delete("a"), 5)
    assert peer.answers() == []
    harness.do_works()
    assert len(peer.answers()) == 1


def test_a_fetch_that_waits_is_answered() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    reader = harness.connect()
    reader.send(fetch_request({"a": {0: 0}}, max_wait_ms=60_000), 12)
    assert reader.answers() == []
    harness.connect().request(delete("a"), 5)
    ((_, answer),) = reader.answers()
    assert answer.responses[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert harness.nothing_is_left_behind()


def test_what_groups_committed_of_it_goes_too() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    peer = harness.connect()
    peer.request(metadata("__consumer_offsets", allow=True), 12)
    executed: list[Any] = []
    (shard,) = harness.node.group_shards
    execute = shard.execute
    shard.execute = lambda command, call, now: executed.append(command) or execute(command, call, now)
    peer.request(delete("a"), 5)
    assert executed == [ForgetTopic("a")]


def test_internal_topics_are_refused() -> None:
    harness = CoreHarness()
    peer = harness.connect()
    peer.request(metadata("__consumer_offsets", allow=True), 12)
    (answer,) = peer.request(delete("__consumer_offsets"), 5).responses
    assert answer.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert "__consumer_offsets" in harness.node.topics


@pytest.mark.parametrize(
    ("version", "code"), [(2, ErrorCode.INVALID_REQUEST), (5, ErrorCode.TOPIC_DELETION_DISABLED)]
)
def test_deletion_can_be_switched_off(version: int, code: ErrorCode) -> None:
    harness = CoreHarness(delete_topic_enable="false")
    harness.create_topic("a")
    (answer,) = harness.connect().request(delete("a"), version).responses
    assert answer.error_code == code
    assert "a" in harness.node.topics


def test_a_topic_named_by_name_and_by_id_is_named_twice() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    topic_id = harness.node.topics["a"].topic_id
    (answer,) = harness.connect().request(delete6(("a", NO_ID), (None, topic_id)), 6).responses
    assert answer.error_code == ErrorCode.INVALID_REQUEST
    assert "a" in harness.node.topics


def test_a_full_disk_lets_topics_go() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    harness.store.full = True
    peer = harness.connect()
    assert peer.request(delete("a"), 5).responses[0].error_code == 0
    assert (
        peer.request(change((BROKER, "", [(SET, "log.retention.ms", "1000")])), 1).responses[0].error_code
        == 0
    )
