"""What is not in the page cache keeps nobody waiting but who asked for it, whatever happens to the log meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.handlers.list_offsets import MAX_TIMESTAMP
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest
from neuraxis.wire.messages.list_offsets import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic
from tests.broker.cold_disk import cold_broker, record
from tests.broker.harness import FETCH_VERSION, WALL_MS, CoreHarness, Peer, fetch_request, pins, values_of
from tests.broker.sharing import Member, set_config


def numbers(records: Any) -> list[int]:
    return [int((value or b"").split()[0]) for value in values_of(records)]


def fetched(peer: Peer) -> Any:
    ((_, answer),) = peer.answers()
    return answer.responses[0].partitions


def asked(broker: CoreHarness, offset: int, **options: Any) -> Peer:
    """A consumer whose fetch is under way."""
    peer = broker.connect()
    peer.send(fetch_request({"t": {0: offset}}, **options), FETCH_VERSION)
    assert peer.answers() == []
    return peer


def offsets_at(timestamp: int) -> ListOffsetsRequest:
    partition = ListOffsetsPartition(partition_index=0, timestamp=timestamp)
    return ListOffsetsRequest(isolation_level=0, topics=[ListOffsetsTopic("t", [partition])])


def test_a_cold_fetch_waits_for_its_thread_and_nobody_else_does() -> None:
    broker, fs, producer = cold_broker()
    consumer = asked(broker, 4)
    assert fs.waited == 0, "nothing waits for the disk on the loop"
    assert producer.produce("t", record(12)).base_offset == 12
    assert numbers(broker.connect().fetch("t", 12).records) == [12]
    broker.do_works()
    (partition,) = fetched(consumer)
    assert numbers(partition.records) == [4, 5]
    assert broker.store.ledger.cold.parked["call"] >= 2
    assert broker.nothing_is_left_behind()


def test_what_a_thread_has_read_is_enough_though_the_page_cache_stays_empty() -> None:
    broker, _, _ = cold_broker()
    for offset in (0, 1, 5, 8):
        consumer = asked(broker, offset, partition_max_bytes=2 * 300_300)
        broker.do_works()
        (partition,) = fetched(consumer)
        assert numbers(partition.records)[0] == offset


def test_a_cold_fetch_of_a_topic_deleted_meanwhile_is_told_so() -> None:
    broker, _, _ = cold_broker()
    consumer = asked(broker, 4)
    broker.connect().send(DeleteTopicsRequest(topic_names=["t"], timeout_ms=1_000), 5)
    broker.do_works()
    (partition,) = fetched(consumer)
    assert partition.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert not partition.records


def test_a_cold_fetch_of_a_topic_made_anew_meanwhile_reads_the_new_one() -> None:
    broker, _, producer = cold_broker()
    consumer = asked(broker, 4)
    broker.connect().send(DeleteTopicsRequest(topic_names=["t"], timeout_ms=1_000), 5)
    parked = [work for work in broker.works if work.kind == "read"]
    broker.works = [work for work in broker.works if work.kind != "read"]
    broker.works_wait = False
    broker.settle()
    broker.create_topic("t", retention_ms="-1")
    for number in range(100, 106):
        producer.produce("t", record(number))
    broker.works = parked
    broker.do_works()
    (partition,) = fetched(consumer)
    assert numbers(partition.records)[0] == 104


def test_a_cold_fetch_of_records_deleted_meanwhile_is_told_so() -> None:
    broker, _, _ = cold_broker()
    consumer = asked(broker, 4)
    topic = DeleteRecordsTopic("t", [DeleteRecordsPartition(0, 7)])
    broker.connect().send(DeleteRecordsRequest([topic], 1_000), 2)
    broker.do_works()
    (partition,) = fetched(consumer)
    assert partition.error_code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_what_is_in_memory_leaves_without_the_cold_which_is_read_meanwhile() -> None:
    broker, fs, _ = cold_broker(partitions=2)
    wanted = fetch_request({"t": {0: 4, 1: 11}})
    consumer = broker.connect()
    consumer.send(wanted, FETCH_VERSION)
    cold, warm = fetched(consumer)
    assert (cold.error_code, numbers(cold.records), numbers(warm.records)) == (0, [], [11])
    assert cold.high_watermark == 12
    broker.do_works()
    assert fs.waited
    fs.cold = False
    consumer.send(wanted, FETCH_VERSION)
    cold, _ = fetched(consumer)
    assert numbers(cold.records) == [4, 5]


def test_a_fetch_that_wants_more_than_is_in_memory_waits_for_the_cold() -> None:
    broker, _, _ = cold_broker(partitions=2)
    consumer = broker.connect()
    consumer.send(fetch_request({"t": {0: 4, 1: 11}}, min_bytes=500_000), FETCH_VERSION)
    assert consumer.answers() == []
    broker.do_works()
    cold, warm = fetched(consumer)
    assert (numbers(cold.records), numbers(warm.records)) == ([4, 5], [11])


def test_a_fetch_of_many_cold_partitions_asks_for_a_bounded_number_of_reads_at_a_time() -> None:
    broker, _, _ = cold_broker(4, partitions=40)
    consumer = broker.connect()
    consumer.send(fetch_request({"t": dict.fromkeys(range(40), 0)}), FETCH_VERSION)
    assert len(broker.works) == broker.store.ledger.cold.reads == 32
    broker.do_works()
    partitions = fetched(consumer)
    assert [each.partition_index for each in partitions] == list(range(40))
    assert numbers(partitions[0].records) == [0, 1, 2]


def test_a_fetch_that_was_cold_waits_on_for_what_is_not_written_yet_until_its_own_time() -> None:
    broker, fs, producer = cold_broker(10)
    consumer = asked(broker, 8, min_bytes=900_000, max_wait_ms=1_000)
    broker.do_works()
    assert consumer.answers() == []
    fs.cold = False
    broker.advance(999)
    producer.produce("t", record(10))
    assert consumer.answers() == []
    fs.cold = True
    broker.advance(1)
    assert consumer.answers() == [], "its time is over, and what it gets is cold again"
    broker.do_works()
    (partition,) = fetched(consumer)
    assert numbers(partition.records) == [8]


def test_a_fetch_whose_time_is_over_while_a_thread_reads_is_answered_when_it_has() -> None:
    broker, _, _ = cold_broker()
    consumer = asked(broker, 4, min_bytes=40_000_000, max_wait_ms=100)
    broker.advance(5_000)
    assert consumer.answers() == []
    broker.do_works()
    (partition,) = fetched(consumer)
    assert numbers(partition.records) == [4, 5]


def test_who_leaves_while_a_thread_reads_leaves_nothing_behind() -> None:
    broker, _, _ = cold_broker()
    consumer = asked(broker, 4)
    held = pins(broker)
    consumer.disconnect()
    broker.do_works()
    assert broker.nothing_is_left_behind()
    assert broker.store.ledger.cold.reads == 0
    assert sum(held.values()) > sum(pins(broker).values())
    assert broker.store.ledger.cold.parked["call"] == 1, "nobody asked again"


def test_a_read_that_fails_fails_its_call_and_the_broker_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    broker, fs, producer = cold_broker()
    consumer = asked(broker, 4)
    fs.failure = OSError(5, "Input/output error")
    broker.do_works()
    (partition,) = fetched(consumer)
    assert partition.error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert "Input/output error" in caplog.text
    assert producer.produce("t", record(12)).base_offset == 12
    assert broker.node.counters.errors[1, ErrorCode.KAFKA_STORAGE_ERROR] == 1


def test_an_offset_is_looked_up_by_timestamp_through_cold_segments_without_waiting() -> None:
    broker, fs, producer = cold_broker()
    for timestamp, offset in ((WALL_MS + 45, 5), (WALL_MS, 0), (MAX_TIMESTAMP, 11), (WALL_MS + 500, -1)):
        for segment in broker.partition("t").log.segments[:-1]:
            segment.max_timestamp = -(1 << 62)  # as after a restart: unknown
            segment.drop_indexes()
        peer = broker.connect()
        peer.send(offsets_at(timestamp), 7)
        assert peer.answers() == []
        assert fs.waited == 0
        assert producer.fetch("t", 11).error_code == 0
        broker.do_works()
        ((_, answer),) = peer.answers()
        assert answer.topics[0].partitions[0].offset == offset
        fs.waited = 0


def test_a_search_by_timestamp_that_fails_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    broker, fs, _ = cold_broker()
    peer = broker.connect()
    peer.send(offsets_at(WALL_MS), 7)
    fs.failure = OSError(5, "Input/output error")
    broker.do_works()
    ((_, answer),) = peer.answers()
    assert answer.topics[0].partitions[0].error_code == ErrorCode.UNKNOWN_SERVER_ERROR
    assert "Input/output error" in caplog.text


def test_a_share_fetch_acquires_nothing_before_its_records_are_found() -> None:
    broker, fs, _ = cold_broker()
    fs.cold, broker.works_wait = False, False
    set_config(broker, "g", share_auto_offset_reset="earliest")
    member = Member(broker, "m")
    broker.partition("t").log.hints.clear()
    fs.cold, broker.works_wait, fs.waited = True, True, 0
    assert member.ask(max_records=2) is None
    assert fs.waited == 0
    (state,) = broker.node.shares._shard.state.partitions.values()
    assert not [run for run in state.runs if run.state]
    broker.do_works()
    (partition,) = member.answer().responses[0].partitions
    assert partition.acquired_records[0].first_offset == 0
    assert numbers(partition.records)[0] == 0


def test_the_broker_stops_cleanly_while_threads_read() -> None:
    broker, fs, _ = cold_broker()
    asked(broker, 4)
    fs.failure = OSError(5, "Input/output error")
    fs.cold = False
    broker.core.close(broker.now)
    assert broker.store.ledger.cold.reads == 0
