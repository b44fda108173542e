from __future__ import annotations

import pytest

from neuraxis.wire.errors import ErrorCode
from tests.broker.admin_script import grow, metadata
from tests.broker.harness import CoreHarness, batch_of
from tests.broker.restart import restarted


@pytest.mark.parametrize("version", range(4))
def test_every_version_adds_partitions(version: int) -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    peer = harness.connect()
    peer.produce("a", batch_of(b"kept"))
    (answer,) = peer.request(grow(("a", 3)), version).results
    assert answer.error_code == 0
    assert harness.partition("a", 0).log_end_offset == 1
    assert harness.partition("a", 2).log_end_offset == 0


def test_added_partitions_are_there_after_a_restart() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    harness.connect().request(grow(("a", 3)), 3)
    assert len(restarted(harness).node.topics["a"].partitions) == 3


def test_validating_adds_nothing() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    (answer,) = harness.connect().request(grow(("a", 3), validate_only=True), 3).results
    assert answer.error_code == 0
    assert len(harness.node.topics["a"].partitions) == 1


def test_a_full_disk_takes_no_new_partitions() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    harness.store.full = True
    (answer,) = harness.connect().request(grow(("a", 3)), 3).results
    assert answer.error_code == ErrorCode.KAFKA_STORAGE_ERROR


def test_the_limit_of_partitions_counts_the_whole_request() -> None:
    harness = CoreHarness("os")
    harness.create_topic("a")
    harness.create_topic("b")
    request = grow(("a", 10_000), ("b", 3), validate_only=True)
    answers = harness.connect().request(request, 3).results
    assert [answer.error_code for answer in answers] == [0, ErrorCode.POLICY_VIOLATION]


def test_internal_topics_keep_their_partitions() -> None:
    harness = CoreHarness()
    peer = harness.connect()
    peer.request(metadata("__consumer_offsets", allow=True), 12)
    (answer,) = peer.request(grow(("__consumer_offsets", 60)), 3).results
    assert answer.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION


def test_too_many_partitions_are_named_before_a_wrong_assignment() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    (answer,) = harness.connect().request(grow(("a", 20_000, [[1]])), 3).results
    assert answer.error_code == ErrorCode.POLICY_VIOLATION
