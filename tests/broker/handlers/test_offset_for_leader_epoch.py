from __future__ import annotations

from typing import Any

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from tests.broker.harness import PRODUCE_VERSION, CoreHarness, Peer, batch_of, produce_request


def broker_with_epochs() -> tuple[CoreHarness, Peer]:
    """Epoch 0 holds offsets 0 and 1, epoch 3 holds 2, epoch 5 has begun at 3."""
    broker = CoreHarness("os")
    broker.create_topic("drives")
    peer, log = broker.connect(), broker.partition("drives").log
    peer.produce("drives", batch_of(b"a", b"b"))
    log.raise_epoch(3)
    peer.produce("drives", batch_of(b"c"))
    log.raise_epoch(5)
    return broker, peer


def ask(
    peer: Peer, epoch: int, version: int = 4, topic: str = "drives", index: int = 0, current: int = -1
) -> Any:
    asked = OffsetForLeaderPartition(partition=index, current_leader_epoch=current, leader_epoch=epoch)
    request = OffsetForLeaderEpochRequest(topics=[OffsetForLeaderTopic(topic=topic, partitions=[asked])])
    (answered,) = peer.request(request, version).topics
    (partition,) = answered.partitions
    assert partition.partition == index
    return partition


@pytest.mark.parametrize(
    ("epoch", "found", "end"), [(0, 0, 2), (1, 0, 2), (2, 0, 2), (3, 3, 3), (4, 3, 3), (5, 5, 3)]
)
def test_the_end_of_the_newest_epoch_that_is_not_above_the_one_asked_for(
    epoch: int, found: int, end: int
) -> None:
    _, peer = broker_with_epochs()
    answer = ask(peer, epoch)
    assert (answer.error_code, answer.leader_epoch, answer.end_offset) == (0, found, end)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_every_version_answers(version: int) -> None:
    _, peer = broker_with_epochs()
    assert ask(peer, 0, version).end_offset == 2


def test_an_unknown_topic_or_partition_is_3() -> None:
    _, peer = broker_with_epochs()
    for answer in (ask(peer, 0, topic="nowhere"), ask(peer, 0, index=4)):
        assert (answer.error_code, answer.end_offset) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1)


def test_a_client_with_another_leader_epoch_is_told() -> None:
    _, peer = broker_with_epochs()
    assert ask(peer, 0, current=4).error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert ask(peer, 0, current=6).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
    assert ask(peer, 0, current=5).error_code == 0


def test_under_sync_what_is_not_on_disk_could_still_be_lost_so_it_is_not_told() -> None:
    broker = CoreHarness("sync", works_wait=True)
    broker.create_topic("drives")
    broker.connect().send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    peer = broker.connect()
    assert ask(peer, 0).end_offset == 0
    broker.do_works()
    assert ask(peer, 0).end_offset == 1


def test_no_epoch_has_no_end() -> None:
    _, peer = broker_with_epochs()
    answer = ask(peer, -1)
    assert (answer.error_code, answer.leader_epoch, answer.end_offset) == (0, -1, -1)
