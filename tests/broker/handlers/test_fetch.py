from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.handlers.fetch import MAX_WAIT_MS
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest
from neuraxis.wire.messages.fetch import FetchRequest, ReplicaState
from tests.broker.harness import (
    FETCH_VERSION,
    PRODUCE_VERSION,
    CoreHarness,
    Peer,
    batch_of,
    fetch_request,
    pins,
    produce_request,
    values_of,
)


def broker_with_topic(durability: str = "os", **options: Any) -> tuple[CoreHarness, Peer, Peer]:
    """A broker with the topic `drives`, a producer's connection and a consumer's."""
    broker = CoreHarness(durability, **options)
    broker.create_topic("drives", partitions=3)
    return broker, broker.connect(), broker.connect()


def partitions_of(answer: Any) -> dict[int, Any]:
    return {each.partition_index: each for topic in answer.responses for each in topic.partitions}


def park(
    consumer: Peer, wanted: dict[str, dict[int, int]], version: int = FETCH_VERSION, **options: Any
) -> None:
    consumer.send(fetch_request(wanted, **options), version)
    assert consumer.answers() == []
    assert not consumer.session.wants_input


def taken(consumer: Peer) -> Any:
    ((_, answer),) = consumer.answers()
    return answer


# What is there


def test_what_was_produced_is_fetched_byte_for_byte_but_for_its_offset() -> None:
    _, producer, consumer = broker_with_topic()
    sent = batch_of(b"a", b"b")
    producer.produce("drives", sent)
    producer.produce("drives", sent)
    data = consumer.fetch("drives")
    assert (data.high_watermark, data.log_start_offset) == (4, 0)
    fetched = bytes(data.records)
    assert len(fetched) == 2 * len(sent)
    first, second = fetched[: len(sent)], fetched[len(sent) :]
    assert first[16:] == second[16:] == bytes(sent)[16:]
    assert int.from_bytes(second[:8], "big") == 2


def test_a_batch_that_contains_the_offset_is_returned_whole() -> None:
    _, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a", b"b", b"c"))
    producer.produce("drives", batch_of(b"d"))
    assert values_of(consumer.fetch("drives", offset=2).records) == [b"a", b"b", b"c", b"d"]
    assert values_of(consumer.fetch("drives", offset=3).records) == [b"d"]


def test_the_first_batch_comes_however_small_the_limits_are_and_the_next_only_within_them() -> None:
    _, producer, consumer = broker_with_topic()
    for index in (0, 1):
        for value in (b"a", b"b"):
            producer.produce("drives", batch_of(value * 100), index=index)
    size = len(batch_of(b"a" * 100))
    request = fetch_request({"drives": {0: 0, 1: 0}}, max_wait_ms=0, max_bytes=1, partition_max_bytes=1)
    found = partitions_of(consumer.request(request, FETCH_VERSION))
    assert values_of(found[0].records) == [b"a" * 100]
    assert values_of(found[1].records) == []
    request = fetch_request(
        {"drives": {0: 0, 1: 0}}, max_wait_ms=0, max_bytes=3 * size, partition_max_bytes=2 * size
    )
    found = partitions_of(consumer.request(request, FETCH_VERSION))
    assert [len(values_of(found[index].records)) for index in (0, 1)] == [2, 1]


@pytest.mark.parametrize("version", range(4, 19))
def test_every_version_answers(version: int) -> None:
    broker, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    request = fetch_request({"drives": {0: 0}}, max_wait_ms=0)
    request.topics[0].topic_id = broker.node.topics["drives"].topic_id
    answer = consumer.request(request, version)
    (topic,) = answer.responses
    assert topic.topic == ("drives" if version < 13 else "")
    assert values_of(topic.partitions[0].records) == [b"a"]


def test_read_committed_is_told_that_nothing_was_aborted() -> None:
    _, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    data = consumer.fetch("drives", isolation_level=1)
    assert values_of(data.records) == [b"a"]
    assert data.aborted_transactions == []
    assert data.last_stable_offset == 1


# What is not there


@pytest.mark.parametrize("offset", [-1, 3, 2**62])
def test_an_offset_outside_the_log_is_1_at_once(offset: int) -> None:
    _, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a", b"b"))
    data = consumer.fetch("drives", offset=offset, max_wait_ms=10_000)
    assert data.error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert not data.records


def test_an_offset_before_the_logs_start_is_1() -> None:
    _, producer, consumer = broker_with_topic()
    for value in (b"a", b"b"):
        producer.produce("drives", batch_of(value))
    trim = DeleteRecordsTopic(name="drives", partitions=[DeleteRecordsPartition(partition_index=0, offset=1)])
    producer.request(DeleteRecordsRequest(topics=[trim], timeout_ms=1_000), 2)
    assert consumer.fetch("drives", offset=0).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    data = consumer.fetch("drives", offset=1)
    assert values_of(data.records) == [b"b"]
    assert data.log_start_offset == 1


def test_an_unknown_topic_or_partition_is_3_at_once_and_the_others_are_answered_with_it() -> None:
    _, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    request = fetch_request(
        {"drives": {0: 0, 9: 0}, "nowhere": {0: 0}}, max_wait_ms=10_000, min_bytes=1 << 20
    )
    answer = consumer.request(request, FETCH_VERSION)
    codes = [
        (topic.topic, each.partition_index, each.error_code)
        for topic in answer.responses
        for each in topic.partitions
    ]
    assert codes == [
        ("drives", 0, 0),
        ("drives", 9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("nowhere", 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]


def test_an_unknown_topic_id_is_100() -> None:
    _, _, consumer = broker_with_topic()
    answer = consumer.request(fetch_request({"": {0: 0}}, max_wait_ms=10_000), 17)
    assert partitions_of(answer)[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


@pytest.mark.parametrize(
    ("believed", "code"), [(2, ErrorCode.FENCED_LEADER_EPOCH), (4, ErrorCode.UNKNOWN_LEADER_EPOCH), (3, 0)]
)
def test_a_client_with_another_leader_epoch_is_told_and_the_fenced_one_also_the_leader(
    believed: int, code: int
) -> None:
    broker, producer, consumer = broker_with_topic()
    broker.partition("drives").log.raise_epoch(3)
    producer.produce("drives", batch_of(b"a"))
    data = consumer.fetch("drives", current_leader_epoch=believed)
    assert data.error_code == code
    if code == ErrorCode.FENCED_LEADER_EPOCH:
        assert (data.current_leader.leader_id, data.current_leader.leader_epoch) == (1, 3)


def test_the_catalogue_cannot_be_fetched_by_its_name() -> None:
    _, _, consumer = broker_with_topic()
    assert consumer.fetch("__neuraxis_catalogue").error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_without_slots_a_fetch_session_is_declined_and_an_unknown_one_is_70() -> None:
    _, _, consumer = broker_with_topic(**{"max.incremental.fetch.session.cache.slots": "0"})
    request = fetch_request({"drives": {0: 0}}, max_wait_ms=0)
    request.session_epoch = 0
    assert consumer.request(request, FETCH_VERSION).session_id == 0
    request.session_id, request.session_epoch = 77, 1
    assert consumer.request(request, FETCH_VERSION).error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_a_fetch_of_nothing_is_answered_at_once() -> None:
    _, _, consumer = broker_with_topic()
    assert consumer.request(FetchRequest(max_wait_ms=10_000, min_bytes=1), FETCH_VERSION).responses == []


# Waiting


def test_under_os_the_append_wakes_the_fetch() -> None:
    broker, producer, consumer = broker_with_topic(works_wait=True)
    park(consumer, {"drives": {0: 0}})
    producer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    assert values_of(partitions_of(taken(consumer))[0].records) == [b"a"]
    assert broker.nothing_is_left_behind()


def test_under_sync_a_fetch_sees_only_what_is_on_disk_and_wakes_exactly_when_the_high_watermark_rises() -> (
    None
):
    broker, producer, consumer = broker_with_topic("sync", works_wait=True)
    park(consumer, {"drives": {0: 0}})
    producer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    assert consumer.answers() == []
    producer.send(produce_request("drives", batch_of(b"b")), PRODUCE_VERSION)
    broker.do_work()
    data = partitions_of(taken(consumer))[0]
    assert (data.high_watermark, values_of(data.records)) == (1, [b"a"])
    assert consumer.session.wants_input
    assert consumer.fetch("drives", offset=1).records == b""
    broker.do_works()
    assert values_of(consumer.fetch("drives", offset=1).records) == [b"b"]


def test_a_fetch_past_the_high_watermark_but_within_the_log_waits() -> None:
    broker, producer, consumer = broker_with_topic("sync", works_wait=True)
    producer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    park(consumer, {"drives": {0: 1}})
    broker.do_works()
    assert consumer.answers() == []
    producer.send(produce_request("drives", batch_of(b"b")), PRODUCE_VERSION)
    broker.do_works()
    assert values_of(partitions_of(taken(consumer))[0].records) == [b"b"]


def test_a_fetch_waits_until_min_bytes_are_there_over_all_its_partitions() -> None:
    broker, producer, consumer = broker_with_topic()
    size = len(batch_of(b"a"))
    before = pins(broker)
    park(consumer, {"drives": {0: 0, 1: 0, 2: 0}}, min_bytes=3 * size)
    producer.produce("drives", batch_of(b"a"), index=0)
    producer.produce("drives", batch_of(b"b"), index=2)
    assert consumer.answers() == []
    assert sum(pins(broker).values()) - sum(before.values()) <= 2, (
        "a fetch that waits holds offsets, not files"
    )
    producer.produce("drives", batch_of(b"c"), index=1)
    found = partitions_of(taken(consumer))
    assert [values_of(found[index].records) for index in range(3)] == [[b"a"], [b"c"], [b"b"]]
    assert broker.nothing_is_left_behind()


def test_a_fetch_of_several_partitions_answers_once_whatever_happens_after() -> None:
    broker, producer, consumer = broker_with_topic("sync", works_wait=True)
    park(consumer, {"drives": {0: 0, 1: 0}})
    for index in (0, 1):
        producer.send(produce_request("drives", batch_of(b"a"), index=index), PRODUCE_VERSION)
    broker.do_works()
    assert len(partitions_of(taken(consumer))) == 2
    producer.send(produce_request("drives", batch_of(b"b")), PRODUCE_VERSION)
    broker.do_works()
    broker.advance(60_000)
    assert consumer.answers() == []


def test_a_fetch_that_found_too_little_is_answered_with_it_when_its_time_is_up() -> None:
    broker, producer, consumer = broker_with_topic()
    park(consumer, {"drives": {0: 0}}, min_bytes=1 << 20, max_wait_ms=400)
    producer.produce("drives", batch_of(b"a"))
    broker.advance(399)
    assert consumer.answers() == []
    broker.advance(1)
    assert values_of(partitions_of(taken(consumer))[0].records) == [b"a"]
    assert broker.nothing_is_left_behind()


def test_a_fetch_that_found_nothing_is_answered_empty_when_its_time_is_up() -> None:
    broker, _, consumer = broker_with_topic()
    park(consumer, {"drives": {0: 0}}, max_wait_ms=400)
    broker.advance(400)
    data = partitions_of(taken(consumer))[0]
    assert (data.error_code, data.high_watermark, data.records) == (0, 0, b"")


@pytest.mark.parametrize(
    "options", [{"max_wait_ms": 0}, {"max_wait_ms": -5}, {"min_bytes": 0, "max_wait_ms": 10_000}]
)
def test_a_fetch_that_does_not_want_to_wait_is_answered_at_once(options: dict[str, int]) -> None:
    _, _, consumer = broker_with_topic()
    assert consumer.request(fetch_request({"drives": {0: 0}}, **options), FETCH_VERSION).error_code == 0


def test_no_fetch_waits_longer_than_half_an_hour() -> None:
    broker, _, consumer = broker_with_topic()
    park(consumer, {"drives": {0: 0}}, max_wait_ms=2**31 - 1)
    broker.advance(MAX_WAIT_MS)
    assert taken(consumer).error_code == 0


@pytest.mark.parametrize(
    ("version", "code"), [(12, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION), (17, ErrorCode.UNKNOWN_TOPIC_ID)]
)
def test_a_fetch_parked_at_a_topic_that_is_deleted_is_told(version: int, code: int) -> None:
    broker, producer, consumer = broker_with_topic()
    request = fetch_request({"drives": {0: 0}})
    request.topics[0].topic_id = broker.node.topics["drives"].topic_id
    consumer.send(request, version)
    assert consumer.answers() == []
    producer.request(DeleteTopicsRequest(topic_names=["drives"], timeout_ms=1_000), 5)
    assert partitions_of(taken(consumer))[0].error_code == code
    assert broker.nothing_is_left_behind()


def test_a_deleted_topic_is_told_only_when_the_deletion_is_on_disk() -> None:
    broker, producer, consumer = broker_with_topic(works_wait=True)
    producer.send(DeleteTopicsRequest(topic_names=["drives"], timeout_ms=1_000), 5)
    consumer.send(fetch_request({"drives": {0: 0}}), FETCH_VERSION)
    assert consumer.answers() == []
    broker.do_works()
    assert partitions_of(taken(consumer))[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_data_of_a_deleted_topic_that_was_answered_before_still_leaves() -> None:
    _, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    consumer.send(fetch_request({"drives": {0: 0}}), FETCH_VERSION)
    producer.request(DeleteTopicsRequest(topic_names=["drives"], timeout_ms=1_000), 5)
    assert values_of(partitions_of(taken(consumer))[0].records) == [b"a"]


def test_a_thousand_waiting_fetches_are_all_answered_by_one_append() -> None:
    broker, producer, _ = broker_with_topic()
    consumers = [broker.connect() for _ in range(1_000)]
    for consumer in consumers:
        park(consumer, {"drives": {0: 0}})
    producer.produce("drives", batch_of(b"a"))
    assert all(values_of(partitions_of(taken(each))[0].records) == [b"a"] for each in consumers)
    assert broker.nothing_is_left_behind()


def test_a_diverging_log_is_told_where_to_go_back_to() -> None:
    broker, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    broker.partition("drives").log.raise_epoch(4)
    producer.produce("drives", batch_of(b"b"))
    data = consumer.fetch("drives", offset=2, last_fetched_epoch=2)
    assert (data.diverging_epoch.epoch, data.diverging_epoch.end_offset) == (0, 1)
    assert consumer.fetch("drives", offset=1, last_fetched_epoch=4).diverging_epoch is None


def test_a_leader_epoch_that_the_log_never_had_is_1() -> None:
    _, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    data = consumer.fetch("drives", offset=1, last_fetched_epoch=1)
    assert (data.error_code, data.high_watermark) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)


@pytest.mark.parametrize("version", [4, 12, 14, 15, FETCH_VERSION])
def test_who_claims_to_be_a_replica_is_told_that_it_is_none(version: int) -> None:
    broker, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    request = fetch_request({"drives": {0: 0}})
    request.topics[0].topic_id = broker.node.topics["drives"].topic_id
    if version < 15:
        request.replica_id = 2
    else:
        request.replica_state = ReplicaState(2)
    data = partitions_of(consumer.request(request, version))[0]
    assert (data.error_code, data.high_watermark, data.records) == (ErrorCode.NOT_LEADER_OR_FOLLOWER, -1, b"")


@pytest.mark.parametrize("version", [4, 6, 7, 12, 13, FETCH_VERSION])
@pytest.mark.parametrize("level", [-1, 2])
def test_an_isolation_level_that_is_none_is_refused(version: int, level: int) -> None:
    _, _, consumer = broker_with_topic()
    answer = consumer.request(fetch_request({"drives": {0: 0}}, isolation_level=level), version)
    told = [answer.error_code] if version >= 7 else []
    told += [each.error_code for each in partitions_of(answer).values()] if version < 13 else []
    assert set(told) == {ErrorCode.INVALID_REQUEST}
    assert len(told) == (2 if 7 <= version < 13 else 1)


def test_any_negative_leader_epoch_stands_for_none() -> None:
    _, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    assert values_of(consumer.fetch("drives", current_leader_epoch=-2).records) == [b"a"]
