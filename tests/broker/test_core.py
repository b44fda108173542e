"""The core: order on a connection, when replies leave, what closes a connection and what stops the broker."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from neuraxis.broker.call import PARKED, Api
from neuraxis.broker.core import REQUEST_WITHOUT_RECORDS_MAX_BYTES
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.session import MAX_OUTPUT_BYTES, MAX_UNANSWERED
from neuraxis.wire import frames
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from neuraxis.wire.messages.list_offsets import ListOffsetsRequest
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
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


def broker_with_topic(durability: str = "sync", **options: Any) -> tuple[CoreHarness, Peer]:
    broker = CoreHarness(durability, **options)
    broker.create_topic("drives", partitions=2)
    return broker, broker.connect()


def names(broker: CoreHarness, peer: Peer) -> list[int]:
    return [correlation_id for correlation_id, _ in peer.answers()]


# Order on a connection


def test_replies_leave_in_the_order_of_their_requests_even_if_a_later_one_could_leave_first() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    waits = peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    executed = peer.send(ApiVersionsRequest(), 0)
    assert peer.answers() == []
    broker.do_works()
    assert names(broker, peer) == [waits, executed]


def test_a_call_that_waits_for_the_disk_lets_later_ones_execute() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    for value in (b"a", b"b", b"c"):
        peer.send(produce_request("drives", batch_of(value)), PRODUCE_VERSION)
        assert peer.session.wants_input
    assert broker.partition("drives").log_end_offset == 3
    broker.do_works()
    offsets = [answer.responses[0].partition_responses[0].base_offset for _, answer in peer.answers()]
    assert offsets == [0, 1, 2]


def test_a_parked_call_holds_later_ones_back_until_it_is_answered() -> None:
    broker, peer = broker_with_topic()
    parked = peer.send(fetch_request({"drives": {0: 0}}, max_wait_ms=500), FETCH_VERSION)
    assert not peer.session.wants_input
    broker.advance(499)
    assert not peer.session.wants_input
    assert peer.answers() == []
    broker.advance(1)
    assert peer.session.wants_input
    assert names(broker, peer) == [parked]


def test_a_parked_call_of_one_connection_holds_nobody_else_back() -> None:
    broker, peer = broker_with_topic()
    peer.send(fetch_request({"drives": {0: 0}}), FETCH_VERSION)
    other = broker.connect()
    assert other.session.wants_input
    assert other.produce("drives", batch_of(b"a"), index=1).error_code == 0


def test_a_call_behind_one_that_waits_for_the_disk_may_park_and_both_leave_in_order() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    produced = peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    fetched = peer.send(fetch_request({"drives": {0: 0}}), FETCH_VERSION)
    assert not peer.session.wants_input
    broker.do_works()
    assert names(broker, peer) == [produced, fetched]
    assert peer.session.wants_input


def test_reading_stops_at_64_unanswered_calls_and_goes_on_when_the_disk_has_answered() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    for _ in range(MAX_UNANSWERED):
        assert peer.session.wants_input
        peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    assert not peer.session.wants_input
    broker.do_works()
    assert peer.session.wants_input
    assert len(peer.answers()) == MAX_UNANSWERED


def test_reading_stops_while_too_many_reply_bytes_wait_for_the_peer() -> None:
    _broker, peer = broker_with_topic()
    peer.send(ApiVersionsRequest(), 0)
    answer_bytes = peer.session.output_bytes
    assert answer_bytes > 100
    peer.session.output_bytes = MAX_OUTPUT_BYTES - 1  # as if that much had been answered before
    assert peer.session.wants_input
    peer.send(ApiVersionsRequest(), 0)
    assert peer.session.output_bytes == MAX_OUTPUT_BYTES - 1 + answer_bytes
    assert not peer.session.wants_input
    assert len(peer.answers()) == 2
    assert peer.session.wants_input


def test_a_session_with_something_new_is_announced_once_to_the_shell() -> None:
    broker, peer = broker_with_topic()
    broker.core.ready.clear()
    peer.session.listed = False
    for _ in range(3):
        peer.send(ApiVersionsRequest(), 0)
    assert broker.core.ready == [peer.session]


# Durability


def test_a_sync_reply_waits_for_its_own_sync_not_for_one_begun_before_it() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    first = peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    assert [work.kind for work in broker.works] == ["sync"]
    second = peer.send(produce_request("drives", batch_of(b"b")), PRODUCE_VERSION)
    assert len(broker.works) == 1, "the next sync starts when the last one ends"
    broker.do_work()
    assert names(broker, peer) == [first]
    broker.do_work()
    assert names(broker, peer) == [second]


@pytest.mark.parametrize("durability", ["os", "interval"])
def test_without_sync_the_reply_follows_the_write(durability: str) -> None:
    _broker, peer = broker_with_topic(durability, works_wait=True)
    assert peer.produce("drives", batch_of(b"a")).base_offset == 0


@pytest.mark.parametrize("durability", ["sync", "os"])
def test_a_new_topic_is_answered_and_shown_only_when_the_catalogue_is_on_disk(durability: str) -> None:
    broker, peer = broker_with_topic(durability, works_wait=True)
    topic = CreatableTopic(name="new", num_partitions=1, replication_factor=1)
    created = peer.send(CreateTopicsRequest(topics=[topic], timeout_ms=1_000), 5)
    reader = broker.connect()
    seen = reader.send(MetadataRequest(topics=[MetadataRequestTopic(name="new")]), 9)
    assert peer.answers() == []
    assert reader.answers() == []
    broker.do_works()
    assert names(broker, peer) == [created]
    ((answered, metadata),) = reader.answers()
    assert answered == seen
    assert [(each.name, each.error_code) for each in metadata.topics] == [("new", 0)]


def test_a_duplicate_is_answered_only_when_its_original_is_on_disk() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    batch = batch_of(b"a", producer_id=7, producer_epoch=0, base_sequence=0)
    peer.send(produce_request("drives", batch), PRODUCE_VERSION)
    other = broker.connect()
    other.send(produce_request("drives", batch), PRODUCE_VERSION)
    assert other.answers() == []
    broker.do_works()
    ((_, again),) = other.answers()
    assert again.responses[0].partition_responses[0].base_offset == 0
    assert broker.partition("drives").log_end_offset == 1


def test_a_failed_sync_stops_the_broker_and_lets_no_reply_out() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    (work,) = broker.works
    with pytest.raises(StorageFailed):
        broker.core.done(work.id, None, OSError(5, "I/O error"), broker.now)
    assert peer.answers() == []


# acks=0


def test_acks_0_gets_no_reply_and_what_is_asked_after_it_is_answered() -> None:
    broker, peer = broker_with_topic()
    peer.send(produce_request("drives", batch_of(b"a"), acks=0), PRODUCE_VERSION)
    asked = peer.send(ApiVersionsRequest(), 0)
    assert names(broker, peer) == [asked]
    assert values_of(broker.connect().fetch("drives").records) == [b"a"]


def test_acks_0_with_an_error_closes_the_connection() -> None:
    _broker, peer = broker_with_topic()
    peer.send(produce_request("unknown-topic", batch_of(b"a"), acks=0), PRODUCE_VERSION)
    assert peer.session.closing is not None
    assert peer.answers() == []


# Handlers that fail


def replace_handler(broker: CoreHarness, key: int, handler: Any) -> None:
    api = broker.core.apis[key]
    fields = {name: getattr(api, name) for name in Api.__slots__}
    broker.core.apis[key] = Api(**{**fields, "handler": handler})


def test_a_handler_that_fails_before_it_wrote_answers_an_error_in_the_apis_own_shape_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker, peer = broker_with_topic()

    def handler(node: Any, call: Any, request: Any) -> Any:
        raise KeyError("a bug")

    replace_handler(broker, 0, handler)
    answer = peer.produce("drives", batch_of(b"a"), index=1)
    assert (answer.index, answer.error_code) == (1, ErrorCode.UNKNOWN_SERVER_ERROR)
    assert "Produce from 10.0.0.7" in caplog.text
    assert "drives" in caplog.text
    assert "a bug" in caplog.text
    assert peer.request(ApiVersionsRequest(), 0).error_code == 0, "the connection goes on"


def test_a_handler_that_refuses_answers_with_that_code() -> None:
    broker, peer = broker_with_topic()

    def handler(node: Any, call: Any, request: Any) -> Any:
        raise Refused(ErrorCode.REBALANCE_IN_PROGRESS, "The group is rebalancing.")

    replace_handler(broker, 12, handler)
    assert peer.request(HeartbeatRequest(group_id="g"), 4).error_code == ErrorCode.REBALANCE_IN_PROGRESS


def test_a_handler_that_fails_after_it_wrote_stops_the_broker() -> None:
    broker, peer = broker_with_topic()
    produce = broker.core.apis[0].handler

    def handler(node: Any, call: Any, request: Any) -> Any:
        produce(node, call, request)
        raise KeyError("a bug")

    replace_handler(broker, 0, handler)
    with pytest.raises(StorageFailed, match="after it had written"):
        peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    assert peer.answers() == []


def test_a_failure_that_its_answer_has_no_place_for_closes_the_connection() -> None:
    broker, peer = broker_with_topic()

    def handler(node: Any, call: Any, request: Any) -> Any:
        raise KeyError("a bug")

    replace_handler(broker, 3, handler)
    peer.send(MetadataRequest(topics=None), 9)
    assert "no place for an error" in str(peer.session.closing)
    assert peer.answers() == []


def test_a_handler_may_answer_its_parked_call_before_it_returns() -> None:
    broker, peer = broker_with_topic()
    heartbeat = broker.core.apis[12]

    def handler(node: Any, call: Any, request: Any) -> Any:
        call.answer(heartbeat.response())
        return PARKED

    replace_handler(broker, 12, handler)
    assert peer.request(HeartbeatRequest(group_id="g"), 4).error_code == 0
    assert peer.session.wants_input


def test_an_answer_that_cannot_be_encoded_costs_its_connection_only(caplog: pytest.LogCaptureFixture) -> None:
    broker, peer = broker_with_topic(works_wait=True)
    response = broker.core.apis[12].response
    replace_handler(broker, 12, lambda node, call, request: response(error_code=1 << 20))
    before = peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    peer.send(HeartbeatRequest(group_id="g"), 4)
    broker.do_works()
    assert names(broker, peer) == [before]
    assert not peer.session.pending
    assert "cannot be encoded" in str(peer.session.closing)
    assert "has no encoding" in caplog.text


# What closes a connection


def closing_of(peer: Peer) -> str:
    assert peer.session.closing is not None
    assert peer.answers() == []
    assert not peer.session.wants_input
    return peer.session.closing


def header(key: int, version: int, client_id: bytes = b"app") -> bytes:
    fixed = key.to_bytes(2, "big") + version.to_bytes(2, "big") + (9).to_bytes(4, "big")
    return fixed + len(client_id).to_bytes(2, "big") + client_id


def test_an_unknown_key_closes_the_connection_and_the_log_names_the_peer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _broker, peer = broker_with_topic()
    peer.send_frame(header(999, 0))
    assert "key 999" in closing_of(peer)
    assert "10.0.0.7:50000 (User:ANONYMOUS, client id 'app'" in caplog.text


def test_a_version_too_old_closes_the_connection_and_the_log_names_software_and_version(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _broker, peer = broker_with_topic()
    hello = ApiVersionsRequest(client_software_name="old-client", client_software_version="0.9.1")
    assert peer.request(hello, 3).error_code == 0
    peer.send_frame(header(0, 2))
    assert "Produce version 2; served are 3 to 13: the client is too old" in closing_of(peer)
    assert "old-client 0.9.1" in caplog.text
    assert "client id 'app'" in caplog.text


def test_a_version_too_new_closes_the_connection() -> None:
    _broker, peer = broker_with_topic()
    peer.send_frame(header(1, 99) + bytes(40))
    assert "the client is too new" in closing_of(peer)


def test_only_api_versions_answers_a_version_it_does_not_know_in_version_0_with_the_whole_table() -> None:
    broker, peer = broker_with_topic()
    peer.asked[9] = (broker.core.apis[18].response, 0)
    peer.send_frame(header(18, 99) + b"\0" + b"rubbish")
    ((_, answer),) = peer.answers()
    assert answer.error_code == ErrorCode.UNSUPPORTED_VERSION
    advertised = {key for key, api in broker.core.apis.items() if api.advertised}
    assert {each.api_key for each in answer.api_keys} == advertised - {71, 72}, (
        "nobody subscribed to telemetry"
    )
    assert peer.session.wants_input, "the client asks again in a version that both know"


@pytest.mark.parametrize("size", [0, 1, 7, 9])
def test_a_frame_too_short_for_a_header_closes_the_connection(size: int) -> None:
    _broker, peer = broker_with_topic()
    peer.send_frame(bytes(size))
    assert "malformed" in closing_of(peer)


def test_a_request_cut_at_any_byte_closes_the_connection_and_nothing_is_written() -> None:
    broker, _ = broker_with_topic()
    whole = frames.encode_request(1, produce_request("drives", batch_of(b"a")), PRODUCE_VERSION, "app")[4:]
    for size in range(len(whole)):
        peer = broker.connect()
        peer.send_frame(whole[:size])
        assert "malformed" in closing_of(peer), size
    assert broker.partition("drives").log_end_offset == 0


def test_a_large_request_without_record_batches_closes_the_connection() -> None:
    _broker, peer = broker_with_topic()
    peer.send_frame(header(3, 9) + bytes(REQUEST_WITHOUT_RECORDS_MAX_BYTES))
    assert "ask for fewer things at once" in closing_of(peer)


@pytest.mark.parametrize("rest", [b"rubbish", b"\0", b"\0rubbish"], ids=["header", "no body", "body"])
def test_what_was_asked_before_a_malformed_frame_is_still_answered(rest: bytes) -> None:
    broker, peer = broker_with_topic(works_wait=True)
    asked = peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    peer.send_frame(header(0, 12) + rest)
    assert peer.session.closing is not None
    assert len(peer.session.pending) == 1
    broker.do_works()
    assert names(broker, peer) == [asked]
    assert not peer.session.pending, "now the shell may close it"


def test_what_was_asked_before_the_peer_ended_its_side_is_still_answered() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    asked = peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    broker.core.end_input(peer.session)
    assert not peer.session.wants_input
    broker.do_works()
    assert names(broker, peer) == [asked]


def test_a_closed_connection_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    broker, peer = broker_with_topic()
    with caplog.at_level(logging.WARNING):
        broker.core.refuse(peer.session, "announced a frame of -1 bytes")
        broker.core.refuse(peer.session, "announced a frame of -1 bytes")
    assert len(caplog.records) == 1


# A peer that goes


def test_a_peer_that_goes_while_its_fetch_is_parked_leaves_nothing_behind() -> None:
    broker, peer = broker_with_topic()
    before = pins(broker)
    peer.send(fetch_request({"drives": {0: 0, 1: 0}}), FETCH_VERSION)
    assert not broker.nothing_is_left_behind()
    peer.disconnect()
    assert broker.nothing_is_left_behind()
    assert peer.session.id not in broker.node.sessions
    other = broker.connect()
    other.produce("drives", batch_of(b"a"))
    assert peer.answers() == []
    assert pins(broker).keys() - before.keys() <= {"drives-0/00000000000000000000.log"}


def test_a_peer_that_goes_before_it_took_its_data_gives_the_files_back() -> None:
    broker, peer = broker_with_topic()
    peer.produce("drives", batch_of(b"a"))
    before = pins(broker)
    peer.send(fetch_request({"drives": {0: 0}}), FETCH_VERSION)
    assert pins(broker) != before
    peer.disconnect()
    assert pins(broker) == before


def test_data_answered_behind_a_call_that_waits_for_the_disk_is_given_back_when_the_peer_goes() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    broker.connect().send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    broker.do_works()
    before = pins(broker)
    peer.send(produce_request("drives", batch_of(b"b"), index=1), PRODUCE_VERSION)
    peer.send(fetch_request({"drives": {0: 0}}), FETCH_VERSION)
    assert pins(broker)["drives-0/00000000000000000000.log"] > before["drives-0/00000000000000000000.log"]
    peer.disconnect()
    broker.do_works()
    assert pins(broker)["drives-0/00000000000000000000.log"] == before["drives-0/00000000000000000000.log"]


def test_a_peer_that_goes_while_its_produce_waits_for_the_disk_has_still_written() -> None:
    broker, peer = broker_with_topic(works_wait=True)
    peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    peer.disconnect()
    broker.do_works()
    assert peer.answers() == []
    assert values_of(broker.connect().fetch("drives").records) == [b"a"]


# Time


def test_the_next_deadline_is_the_earliest_of_all_parked_calls_and_none_is_overdue_after_a_tick() -> None:
    broker, _ = broker_with_topic()
    start = broker.now.mono_ms
    for wait_ms in (300, 100, 200):
        broker.connect().send(fetch_request({"drives": {0: 0}}, max_wait_ms=wait_ms), FETCH_VERSION)
    assert broker.core.next_deadline() == start + 100
    broker.advance(250)
    assert broker.core.next_deadline() == start + 300


def test_an_idle_broker_has_nothing_to_do_soon() -> None:
    broker, peer = broker_with_topic()
    peer.produce("drives", batch_of(b"a"))
    broker.advance(600_000)
    deadline = broker.core.next_deadline()
    assert deadline is None or deadline - broker.now.mono_ms > 1_000
    assert broker.works == []


def test_a_restart_finds_what_was_acknowledged() -> None:
    broker, peer = broker_with_topic()
    peer.produce("drives", batch_of(b"a", b"b"))
    again = CoreHarness(fs=broker.fs)
    assert values_of(again.connect().fetch("drives").records) == [b"a", b"b"]
    assert again.connect().request(ListOffsetsRequest(), 5).topics == []
