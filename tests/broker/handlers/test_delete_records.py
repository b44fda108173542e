from __future__ import annotations

from typing import Any

import pytest

from neuraxis.wire.errors import ErrorCode
from tests.broker.admin_script import metadata, trim
from tests.broker.harness import CoreHarness, Peer, batch_of
from tests.broker.restart import restarted


def trimmed(peer: Peer, name: str, offset: int, version: int = 2) -> tuple[int, int]:
    """(error code, low watermark) of partition 0."""
    answer: Any = peer.request(trim((name, [(0, offset)])), version)
    (partition,) = answer.topics[0].partitions
    return partition.error_code, partition.low_watermark


@pytest.fixture
def peer() -> Peer:
    harness = CoreHarness()
    harness.create_topic("a")
    peer = harness.connect()
    for _ in range(5):
        peer.produce("a", batch_of(b"x"))
    return peer


@pytest.mark.parametrize("version", range(3))
def test_every_version_moves_the_start(peer: Peer, version: int) -> None:
    assert trimmed(peer, "a", 3, version) == (0, 3)
    assert peer.harness.partition("a").log_start_offset == 3


def test_minus_one_means_all_that_can_be_seen(peer: Peer) -> None:
    assert trimmed(peer, "a", -1) == (0, 5)
    assert peer.harness.partition("a").log_end_offset == 5


def test_a_start_never_goes_back(peer: Peer) -> None:
    trimmed(peer, "a", 3)
    assert trimmed(peer, "a", 1) == (0, 3)
    assert trimmed(peer, "a", 0) == (0, 3)


def test_beyond_the_end_is_out_of_range_and_moves_nothing(peer: Peer) -> None:
    assert trimmed(peer, "a", 6) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)
    assert peer.harness.partition("a").log_start_offset == 0


def test_records_that_are_gone_cannot_be_fetched(peer: Peer) -> None:
    trimmed(peer, "a", 3)
    assert peer.fetch("a", 2).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert peer.fetch("a", 3).error_code == 0


def test_the_start_is_kept_over_a_restart_clean_or_not(peer: Peer) -> None:
    trimmed(peer, "a", 3)
    after_a_crash = restarted(peer.harness, clean=False)
    assert after_a_crash.partition("a").log_start_offset == 3
    assert restarted(after_a_crash).partition("a").log_start_offset == 3


def test_the_answer_waits_until_the_new_start_is_on_disk(peer: Peer) -> None:
    peer.harness.works_wait = True
    peer.send(trim(("a", [(0, 3)])), 2)
    assert peer.answers() == []
    peer.harness.do_works()
    assert len(peer.answers()) == 1


def test_compacted_and_internal_topics_are_refused(peer: Peer) -> None:
    peer.harness.create_topic("compacted", cleanup_policy="compact")
    peer.request(metadata("__consumer_offsets", allow=True), 12)
    assert trimmed(peer, "compacted", -1) == (ErrorCode.POLICY_VIOLATION, -1)
    assert trimmed(peer, "__consumer_offsets", -1) == (ErrorCode.INVALID_TOPIC_EXCEPTION, -1)


def test_a_topic_of_which_nothing_is_deleted_is_not_answered(peer: Peer) -> None:
    assert peer.request(trim(("a", [])), 2).topics == []
