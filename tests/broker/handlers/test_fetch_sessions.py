"""Fetch in sessions (KIP-227): what Kafka answers, and what a parked call is told."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker import fetch_reading
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest
from neuraxis.wire.messages.fetch import FetchRequest
from tests.broker.harness import FETCH_VERSION, CoreHarness, Peer, batch_of, fetch_request, values_of
from tests.broker.scripts.replay import assert_kafkas_answers


def begin(consumer: Peer, partitions: int = 3) -> int:
    """A session over the first partitions of `drives`, from their beginning, and told all; its id."""
    answer = consumer.request(
        in_session(0, 0, {"drives": dict.fromkeys(range(partitions), 0)}), FETCH_VERSION
    )
    assert (answer.error_code, answer.session_id > 0) == (0, True)
    return int(answer.session_id)


def in_session(session_id: int, epoch: int, wanted: Any = None, **options: Any) -> FetchRequest:
    request = fetch_request(wanted or {}, **{"max_wait_ms": 0, **options})
    request.session_id, request.session_epoch = session_id, epoch
    return request


def broker_with_topic(
    durability: str = "os", partitions: int = 3, **options: Any
) -> tuple[CoreHarness, Peer, Peer]:
    broker = CoreHarness(durability, **options)
    broker.create_topic("drives", partitions=partitions)
    return broker, broker.connect(), broker.connect()


def told(answer: Any) -> dict[int, list[bytes | None]]:
    return {
        each.partition_index: values_of(each.records)
        for topic in answer.responses
        for each in topic.partitions
    }


def test_sessions_are_answered_as_by_kafka() -> None:
    assert_kafkas_answers("fetch_sessions", FetchRequest)


@pytest.mark.parametrize("durability", ["os", "sync"])
def test_a_parked_fetch_of_a_session_is_woken_by_any_of_its_partitions(durability: str) -> None:
    broker, producer, consumer = broker_with_topic(durability)
    session = begin(consumer)
    consumer.send(in_session(session, 1, max_wait_ms=5_000), FETCH_VERSION)
    assert consumer.answers() == []
    producer.produce("drives", batch_of(b"news"), 2)
    ((_, answer),) = consumer.answers()
    assert (answer.session_id, told(answer)) == (session, {2: [b"news"]})
    assert broker.node.parking.next_deadline() is None


def test_a_fetch_of_a_session_looks_only_at_partitions_with_news(monkeypatch: pytest.MonkeyPatch) -> None:
    _, producer, consumer = broker_with_topic(partitions=50)
    session = begin(consumer, 50)
    looked: list[int] = []
    read = fetch_reading.read_partition

    def counted(wanted: Any, *arguments: Any, **options: Any) -> Any:
        looked.append(wanted.asked.partition)
        return read(wanted, *arguments, **options)

    monkeypatch.setattr(fetch_reading, "read_partition", counted)
    producer.produce("drives", batch_of(b"a"), 7)
    assert told(consumer.request(in_session(session, 1), FETCH_VERSION)) == {7: [b"a"]}
    assert looked == [7]
    looked.clear()
    assert told(consumer.request(in_session(session, 2, {"drives": {7: 1}}), FETCH_VERSION)) == {}
    assert looked == [7]
    looked.clear()
    assert told(consumer.request(in_session(session, 3), FETCH_VERSION)) == {}
    assert looked == []


def test_what_did_not_fit_comes_first_the_next_time() -> None:
    _, producer, consumer = broker_with_topic()
    session = begin(consumer)
    for index in range(3):
        producer.produce("drives", batch_of(b"x"), index)
    first = consumer.request(in_session(session, 1, max_bytes=1), FETCH_VERSION)
    second = consumer.request(in_session(session, 2, max_bytes=1), FETCH_VERSION)
    third = consumer.request(in_session(session, 3, max_bytes=1), FETCH_VERSION)
    with_records = [
        [index for index, values in told(each).items() if values] for each in (first, second, third)
    ]
    assert sorted(with_records) == [[0], [1], [2]]


def test_a_call_that_goes_on_with_a_session_ends_the_one_that_waits_in_it() -> None:
    broker, _, consumer = broker_with_topic()
    session = begin(consumer)
    consumer.send(in_session(session, 1, max_wait_ms=5_000), FETCH_VERSION)
    other = broker.connect()
    other.send(in_session(session, 2, max_wait_ms=5_000), FETCH_VERSION)
    ((_, answer),) = consumer.answers()
    assert answer.error_code == ErrorCode.INVALID_FETCH_SESSION_EPOCH
    assert other.answers() == []
    broker.advance(5_000)
    ((_, answer),) = other.answers()
    assert (answer.error_code, answer.responses) == (0, [])


def test_the_call_that_waits_in_a_session_is_answered_when_the_session_is_put_out() -> None:
    slots = {"max.incremental.fetch.session.cache.slots": "1"}
    broker, _, consumer = broker_with_topic(**slots)
    session = begin(consumer, 1)
    consumer.send(in_session(session, 1, max_wait_ms=10 * 60_000), FETCH_VERSION)
    broker.advance(120_001)
    newcomer = broker.connect()
    assert begin(newcomer) != session
    ((_, answer),) = consumer.answers()
    assert (answer.error_code, answer.responses) == (0, [])
    assert consumer.request(in_session(session, 2), FETCH_VERSION).error_code == 70
    newcomer.request(in_session(next(iter(broker.node.fetch_sessions.sessions)), -1), FETCH_VERSION)
    assert broker.nothing_is_left_behind()


def test_a_connection_that_breaks_leaves_its_session_to_the_next() -> None:
    broker, producer, consumer = broker_with_topic()
    session = begin(consumer)
    consumer.send(in_session(session, 1, max_wait_ms=5_000), FETCH_VERSION)
    consumer.disconnect()
    producer.produce("drives", batch_of(b"a"))
    assert told(broker.connect().request(in_session(session, 2), FETCH_VERSION)) == {0: [b"a"]}


def test_a_deleted_topic_wakes_the_call_that_waits_in_a_session() -> None:
    broker, producer, consumer = broker_with_topic()
    session = begin(consumer)
    consumer.send(in_session(session, 1, max_wait_ms=5_000), FETCH_VERSION)
    producer.request(DeleteTopicsRequest(topic_names=["drives"], timeout_ms=1), 5)
    ((_, answer),) = consumer.answers()
    assert {each.error_code for each in answer.responses[0].partitions} == {3}
    broker.create_topic("drives")
    producer.produce("drives", batch_of(b"anew"))
    assert told(consumer.request(in_session(session, 2), FETCH_VERSION))[0] == [b"anew"]


def test_a_raised_log_start_is_told_with_the_next_answer_and_wakes_nobody() -> None:
    broker, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    producer.produce("drives", batch_of(b"b"))
    session = begin(consumer)
    consumer.request(in_session(session, 1, {"drives": {0: 2}}), FETCH_VERSION)
    consumer.send(in_session(session, 2, max_wait_ms=500), FETCH_VERSION)
    trim = DeleteRecordsRequest([DeleteRecordsTopic("drives", [DeleteRecordsPartition(0, 1)])], 1_000)
    assert producer.request(trim, 2).topics[0].partitions[0].error_code == 0
    assert consumer.answers() == []
    broker.advance(500)
    ((_, answer),) = consumer.answers()
    ((partition,),) = [topic.partitions for topic in answer.responses]
    assert (partition.partition_index, partition.log_start_offset, partition.records) == (0, 1, b"")
    assert consumer.request(in_session(session, 3), FETCH_VERSION).responses == []


def test_retention_that_raises_the_log_start_is_told_with_the_next_answer() -> None:
    broker, producer, consumer = broker_with_topic()
    producer.produce("drives", batch_of(b"a"))
    session = begin(consumer)
    consumer.request(in_session(session, 1, {"drives": {0: 1}}), FETCH_VERSION)
    assert consumer.request(in_session(session, 2), FETCH_VERSION).responses == []
    log = broker.partition("drives").log
    log.advance_start(1, broker.now)  # as retention does it
    broker.core.tick(broker.now)
    ((partition,),) = [
        topic.partitions for topic in consumer.request(in_session(session, 3), FETCH_VERSION).responses
    ]
    assert partition.log_start_offset == 1
