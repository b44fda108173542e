from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.log.memory import MemoryFs
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from tests.broker.harness import WALL_MS, CoreHarness, Peer, batch_of, produce_request, values_of


def broker_with_topic(durability: str = "os", **configs: str) -> tuple[CoreHarness, Peer]:
    broker = CoreHarness(durability)
    broker.create_topic("drives", partitions=2, **configs)
    return broker, broker.connect()


@pytest.mark.parametrize("acks", [1, -1])
def test_acks_1_and_all_are_one_thing(acks: int) -> None:
    broker, peer = broker_with_topic()
    answer = peer.produce("drives", batch_of(b"a"), acks=acks)
    assert (answer.error_code, answer.base_offset, answer.log_start_offset) == (0, 0, 0)
    assert answer.log_append_time_ms == -1
    assert broker.partition("drives").log_end_offset == 1


@pytest.mark.parametrize("acks", [-2, 2, 100, -32768])
def test_unknown_acks_are_refused_for_every_partition_and_nothing_is_written(acks: int) -> None:
    broker, peer = broker_with_topic()
    answer = peer.produce("drives", batch_of(b"a"), acks=acks)
    assert (answer.error_code, answer.base_offset) == (ErrorCode.INVALID_REQUIRED_ACKS, -1)
    assert broker.partition("drives").log_end_offset == 0


def test_each_partition_is_answered_on_its_own() -> None:
    broker, peer = broker_with_topic()
    damaged = batch_of(b"x")
    damaged[-1] ^= 1
    request = ProduceRequest(
        acks=-1,
        topic_data=[
            TopicProduceData(
                "drives",
                bytes(16),
                [
                    PartitionProduceData(1, batch_of(b"a")),
                    PartitionProduceData(0, damaged),
                    PartitionProduceData(7, batch_of(b"b")),
                    PartitionProduceData(-1, batch_of(b"b")),
                    PartitionProduceData(0, None),
                ],
            ),
            TopicProduceData("nowhere", bytes(16), [PartitionProduceData(0, batch_of(b"c"))]),
            TopicProduceData("no such/name", bytes(16), [PartitionProduceData(0, batch_of(b"c"))]),
        ],
    )
    answer = peer.request(request, 12)
    told = [
        (topic.name, each.index, each.error_code)
        for topic in answer.responses
        for each in topic.partition_responses
    ]
    assert told == [
        ("drives", 1, 0),
        ("drives", 0, ErrorCode.CORRUPT_MESSAGE),
        ("drives", 7, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("drives", -1, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("drives", 0, ErrorCode.INVALID_RECORD),
        ("nowhere", 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("no such/name", 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]
    assert broker.partition("drives", 0).log_end_offset == 0
    assert broker.partition("drives", 1).log_end_offset == 1


@pytest.mark.parametrize("version", range(3, 14))
def test_every_version_appends_and_answers(version: int) -> None:
    broker, peer = broker_with_topic()
    topic_id = broker.node.topics["drives"].topic_id
    answer = peer.request(produce_request("drives", batch_of(b"a", b"b"), topic_id=topic_id), version)
    (topic,) = answer.responses
    assert (topic.name, topic.topic_id) == (("", topic_id) if version >= 13 else ("drives", bytes(16)))
    (partition,) = topic.partition_responses
    assert (partition.error_code, partition.base_offset) == (0, 0)
    assert partition.log_start_offset == (0 if version >= 5 else -1)


def test_an_unknown_topic_id_is_100() -> None:
    _, peer = broker_with_topic()
    answer = peer.request(produce_request("", batch_of(b"a"), topic_id=bytes(range(16))), 13)
    (partition,) = answer.responses[0].partition_responses
    assert partition.error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_clients_may_not_write_to_internal_topics() -> None:
    broker, peer = broker_with_topic()
    broker.node.group_shard("any-group", broker.now)
    broker.settle()
    answer = peer.produce("__consumer_offsets", batch_of(b"a"))
    assert answer.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION


def test_the_catalogue_cannot_be_reached_by_its_name() -> None:
    _, peer = broker_with_topic()
    assert (
        peer.produce("__neuraxis_catalogue", batch_of(b"a")).error_code
        == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    )


def test_log_append_time_is_told_also_for_a_duplicate() -> None:
    broker, peer = broker_with_topic(message_timestamp_type="LogAppendTime")
    sequence = {"producer_id": 4, "producer_epoch": 0, "base_sequence": 0}
    first = peer.produce("drives", batch_of(b"a", timestamp_ms=5, **sequence))
    assert first.log_append_time_ms == broker.now.wall_ms
    at = broker.now.wall_ms
    broker.advance(5_000)
    again = peer.produce("drives", batch_of(b"a", timestamp_ms=5, **sequence))
    assert (again.error_code, again.base_offset, again.log_append_time_ms) == (0, 0, at)


def test_records_without_keys_for_a_compacted_topic_are_named_one_by_one() -> None:
    _, peer = broker_with_topic(cleanup_policy="compact")
    answer = peer.produce("drives", batch_of(b"a", b"b", key=None))
    assert answer.error_code == ErrorCode.INVALID_RECORD
    assert [each.batch_index for each in answer.record_errors] == [0, 1]
    assert answer.error_message is not None


@pytest.mark.parametrize(
    ("sequences", "codes"),
    [
        ([(0, 0), (0, 1), (0, 2)], [0, 0, 0]),
        ([(0, 0), (0, 5)], [0, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER]),
        ([(0, 7), (0, 8)], [0, 0]),
        ([(1, 0), (0, 1)], [0, ErrorCode.INVALID_PRODUCER_EPOCH]),
        ([(0, 0), (1, 3)], [0, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER]),
        ([(0, 0), (1, 0)], [0, 0]),
    ],
    ids=[
        "in order",
        "a gap",
        "an unknown producer begins anywhere",
        "an old epoch",
        "a new epoch not at 0",
        "a new epoch at 0",
    ],
)
def test_the_sequence_of_an_idempotent_producer_is_checked(
    sequences: list[tuple[int, int]], codes: list[int]
) -> None:
    _, peer = broker_with_topic()
    answers = [
        peer.produce(
            "drives", batch_of(b"a", producer_id=4, producer_epoch=epoch, base_sequence=sequence)
        ).error_code
        for epoch, sequence in sequences
    ]
    assert answers == codes


def test_each_of_the_last_five_batches_is_known_again_and_the_sixth_is_not() -> None:
    broker, peer = broker_with_topic()

    def send(sequence: int) -> Any:
        return peer.produce(
            "drives", batch_of(b"%d" % sequence, producer_id=4, producer_epoch=0, base_sequence=sequence)
        )

    for sequence in range(6):
        assert send(sequence).base_offset == sequence
    for sequence in range(1, 6):
        again = send(sequence)
        assert (again.error_code, again.base_offset) == (0, sequence)
    assert send(0).error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert broker.partition("drives").log_end_offset == 6


def test_what_is_stored_is_a_copy_so_the_frames_memory_may_be_reused() -> None:
    _broker, peer = broker_with_topic()
    peer.produce("drives", batch_of(b"first"))  # the harness overwrites the frame when `handle` returns
    peer.produce("drives", batch_of(b"second"))
    assert values_of(peer.fetch("drives").records) == [b"first", b"second"]


class FullFs(MemoryFs):
    """A disk that can be filled."""

    free_bytes = 1 << 40

    def space(self) -> int:
        return self.free_bytes


def test_a_full_disk_refuses_every_partition_with_56_and_takes_them_again_when_there_is_room() -> None:
    fs = FullFs()
    broker = CoreHarness("os", fs=fs)
    broker.create_topic("drives")
    peer = broker.connect()
    fs.free_bytes = 1 << 20
    code, count = 0, 0
    while code == 0:
        assert count < 100, "the broker never noticed"
        code, count = peer.produce("drives", batch_of(bytes(500_000))).error_code, count + 1
    assert code == ErrorCode.KAFKA_STORAGE_ERROR
    end = broker.partition("drives").log_end_offset
    assert peer.produce("drives", batch_of(b"a")).error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert broker.partition("drives").log_end_offset == end
    fs.free_bytes = 1 << 40
    broker.advance(2_000)
    assert peer.produce("drives", batch_of(b"a")).error_code == 0


def test_the_timestamp_of_a_record_is_kept() -> None:
    broker, peer = broker_with_topic()
    peer.produce("drives", batch_of(b"a", timestamp_ms=WALL_MS - 77))
    assert broker.partition("drives").log.max_timestamp == WALL_MS - 77


def test_a_topic_of_which_no_partition_is_named_is_left_out_of_the_answer() -> None:
    _, peer = broker_with_topic()
    request = ProduceRequest(acks=-1, topic_data=[TopicProduceData("drives", bytes(16), [])])
    assert peer.request(request, 12).responses == []


@pytest.mark.parametrize(
    ("batch", "code", "log_start_offset"),
    [
        (batch_of(b"x")[:-1], ErrorCode.INVALID_RECORD, -1),
        (batch_of(b"x") + batch_of(b"y"), ErrorCode.INVALID_RECORD, -1),
        (batch_of(b"x" * 2_000), ErrorCode.MESSAGE_TOO_LARGE, -1),
        (batch_of(b"x", control=True), ErrorCode.INVALID_RECORD, 0),
        (batch_of(b"x", timestamp_ms=WALL_MS + 10**9), ErrorCode.INVALID_TIMESTAMP, 0),
        (
            batch_of(b"x", producer_id=1, producer_epoch=-2, base_sequence=0),
            ErrorCode.INVALID_PRODUCER_EPOCH,
            0,
        ),
    ],
)
def test_only_a_batch_that_the_log_refuses_is_answered_with_the_logs_start(
    batch: bytearray, code: int, log_start_offset: int
) -> None:
    _, peer = broker_with_topic(**{"max.message.bytes": "1000"})
    answer = peer.produce("drives", batch)
    assert (answer.error_code, answer.log_start_offset) == (code, log_start_offset)


def test_a_duplicate_is_answered_with_the_time_of_the_batch_that_is_remembered() -> None:
    _, peer = broker_with_topic()
    first = peer.produce("drives", batch_of(b"a", producer_id=7, producer_epoch=0, base_sequence=0))
    again = peer.produce("drives", batch_of(b"a", producer_id=7, producer_epoch=0, base_sequence=0))
    assert (first.base_offset, first.log_append_time_ms) == (0, -1)
    assert (again.error_code, again.base_offset, again.log_append_time_ms) == (0, 0, WALL_MS)
