from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.handlers import list_offsets as handler
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from neuraxis.wire.messages.list_offsets import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic
from tests.broker.harness import PRODUCE_VERSION, WALL_MS, CoreHarness, Peer, batch_of, produce_request

NEWEST = 11


def broker_with_records() -> tuple[CoreHarness, Peer]:
    """Records at offsets 0 to 3; the newest timestamp is that of offset 2."""
    broker = CoreHarness("os")
    broker.create_topic("drives", partitions=2)
    peer = broker.connect()
    for timestamp_ms, values in ((10, (b"a", b"b")), (90, (b"c",)), (50, (b"d",))):
        peer.produce("drives", batch_of(*values, timestamp_ms=WALL_MS + timestamp_ms))
    return broker, peer


def ask(
    peer: Peer, timestamp: int, version: int = NEWEST, index: int = 0, topic: str = "drives", **options: int
) -> Any:
    isolation_level = options.pop("isolation_level", 0)
    asked = ListOffsetsPartition(partition_index=index, timestamp=timestamp, **options)
    request = ListOffsetsRequest(
        isolation_level=isolation_level, topics=[ListOffsetsTopic(name=topic, partitions=[asked])]
    )
    (answered,) = peer.request(request, version).topics
    assert answered.name == topic
    (partition,) = answered.partitions
    return partition


@pytest.mark.parametrize(
    ("timestamp", "offset", "found"),
    [
        (handler.LATEST, 4, -1),
        (handler.EARLIEST, 0, -1),
        (handler.EARLIEST_LOCAL, 0, -1),
        (handler.MAX_TIMESTAMP, 2, WALL_MS + 90),
        (handler.LATEST_TIERED, -1, -1),
        (handler.EARLIEST_PENDING_UPLOAD, -1, -1),
        (0, 0, WALL_MS + 10),
        (WALL_MS + 10, 0, WALL_MS + 10),
        (WALL_MS + 11, 2, WALL_MS + 90),
        (WALL_MS + 90, 2, WALL_MS + 90),
        (WALL_MS + 91, -1, -1),
    ],
)
def test_every_special_timestamp_and_every_time_has_its_offset(
    timestamp: int, offset: int, found: int
) -> None:
    _, peer = broker_with_records()
    answer = ask(peer, timestamp)
    assert (answer.error_code, answer.offset, answer.timestamp) == (0, offset, found)


def test_an_empty_partition_has_a_start_and_an_end_and_no_newest_record() -> None:
    _, peer = broker_with_records()
    assert [ask(peer, each, index=1).offset for each in (-1, -2, -3, 0)] == [0, 0, -1, -1]


@pytest.mark.parametrize("version", range(1, NEWEST + 1))
def test_every_version_answers(version: int) -> None:
    _, peer = broker_with_records()
    answer = ask(peer, handler.LATEST, version)
    assert (answer.error_code, answer.offset) == (0, 4)


@pytest.mark.parametrize(
    ("timestamp", "since"),
    [
        (handler.MAX_TIMESTAMP, 7),
        (handler.EARLIEST_LOCAL, 8),
        (handler.LATEST_TIERED, 9),
        (handler.EARLIEST_PENDING_UPLOAD, 11),
    ],
)
def test_a_special_timestamp_is_unsupported_before_its_version(timestamp: int, since: int) -> None:
    _, peer = broker_with_records()
    assert ask(peer, timestamp, since - 1).error_code == ErrorCode.UNSUPPORTED_VERSION
    assert ask(peer, timestamp, since).error_code == 0


def test_a_special_timestamp_nobody_knows_is_unsupported() -> None:
    _, peer = broker_with_records()
    assert ask(peer, -7).error_code == ErrorCode.UNSUPPORTED_VERSION


def test_an_unknown_topic_or_partition_is_3() -> None:
    _, peer = broker_with_records()
    for answer in (ask(peer, -1, index=9), ask(peer, -1, topic="nowhere"), ask(peer, -1, index=-1)):
        assert (answer.error_code, answer.offset) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1)


def test_a_partition_named_twice_is_refused_each_time() -> None:
    _, peer = broker_with_records()
    asked = [ListOffsetsPartition(partition_index=index, timestamp=-1) for index in (0, 0, 1)]
    request = ListOffsetsRequest(topics=[ListOffsetsTopic(name="drives", partitions=asked)])
    (topic,) = peer.request(request, NEWEST).topics
    codes = [each.error_code for each in topic.partitions]
    assert codes == [ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST, 0]


def test_a_client_with_another_leader_epoch_is_told() -> None:
    broker, peer = broker_with_records()
    broker.partition("drives").log.raise_epoch(3)
    assert ask(peer, -1, current_leader_epoch=2).error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert ask(peer, -1, current_leader_epoch=4).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
    answer = ask(peer, -1, current_leader_epoch=3)
    assert (answer.error_code, answer.leader_epoch) == (0, 3)


def test_deleted_records_are_not_found_by_time() -> None:
    _, peer = broker_with_records()
    trim = DeleteRecordsTopic(name="drives", partitions=[DeleteRecordsPartition(partition_index=0, offset=2)])
    peer.request(DeleteRecordsRequest(topics=[trim], timeout_ms=1_000), 2)
    assert ask(peer, handler.EARLIEST).offset == 2
    assert ask(peer, 0).offset == 2


def test_under_sync_nothing_is_shown_that_is_not_on_disk() -> None:
    broker = CoreHarness("sync", works_wait=True)
    broker.create_topic("drives")
    broker.connect().send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    peer = broker.connect()
    for isolation_level in (0, 1):
        answers = [
            ask(peer, each, isolation_level=isolation_level).offset for each in (handler.LATEST, 0, -3)
        ]
        assert answers == [0, -1, -1]
    broker.do_works()
    assert [ask(peer, each).offset for each in (handler.LATEST, 0, -3)] == [1, 0, 0]


@pytest.mark.parametrize("level", [-1, 2])
def test_an_isolation_level_that_is_none_is_refused(level: int) -> None:
    _, peer = broker_with_records()
    assert ask(peer, -1, isolation_level=level).error_code == ErrorCode.INVALID_REQUEST


def test_a_topic_of_which_no_partition_is_named_is_left_out_of_the_answer() -> None:
    _, peer = broker_with_records()
    request = ListOffsetsRequest(topics=[ListOffsetsTopic(name="drives", partitions=[])])
    assert peer.request(request, NEWEST).topics == []


def test_a_partition_named_a_hundred_thousand_times_is_answered_before_anybody_notices() -> None:
    _, peer = broker_with_records()
    asked = [ListOffsetsPartition(partition_index=number, timestamp=-1) for number in range(100_000)]
    asked.append(asked[0])
    request = ListOffsetsRequest(topics=[ListOffsetsTopic(name="drives", partitions=asked)])
    (topic,) = peer.request(request, NEWEST).topics
    codes = [partition.error_code for partition in topic.partitions]
    assert codes[0] == codes[-1] == ErrorCode.INVALID_REQUEST
    assert codes[1] == 0
    assert set(codes[2:-1]) == {ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
