"""Throttling: what Kafka tells clients above their quotas is what we tell them; and a muted connection is not read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from neuraxis.wire import frames, messages
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.metadata import MetadataRequest
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest
from neuraxis.wire.schema import schema_of
from tests.broker.harness import (
    PRODUCE_VERSION,
    CoreHarness,
    Peer,
    batch_of,
    fetch_request,
    pins,
    produce_request,
)
from tests.broker.restart import restarted
from tests.broker.scripts import throttling
from tests.broker.scripts.quotas import change, entry
from tests.broker.sharing import Member, set_config

KAFKAS = json.loads(throttling.ANSWERS.read_text())
TOLERANCE_MS = 60
"""Kafka's clock ran on between a request and its throttle time; here it stands still."""
LOADER = {"client-id": "tester"}


class Client(Peer):
    """A peer with a client id of its own."""

    client_id = "tester"

    def send(self, request: Any, version: int) -> int:
        self._next_correlation_id += 1
        key = schema_of(type(request)).key or 0
        self.asked[self._next_correlation_id] = (messages.response_class(key), version)
        self.send_frame(
            frames.encode_request(self._next_correlation_id, request, version, self.client_id)[4:]
        )
        return self._next_correlation_id


def connect(broker: CoreHarness, client_id: str = "tester") -> Client:
    client = Client(broker, broker.core.connect("PLAINTEXT", "10.0.0.7", 50_000))
    client.client_id = client_id
    return client


def give(broker: CoreHarness, entity: dict[str, str | None] | None = None, **values: float | None) -> None:
    (answer,) = connect(broker, "admin").request(change(entry(entity or dict(LOADER), values)), 1).entries
    assert answer.error_code == 0


@pytest.fixture
def broker() -> CoreHarness:
    made = CoreHarness("os")
    made.create_topic("drives")
    return made


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    broker = CoreHarness("os", auto_create_topics_enable="true")
    started_ms = broker.now.mono_ms

    def ask(step: throttling.Step, request: Any) -> Any:
        broker.advance(KAFKAS[step.name]["at_ms"] - (broker.now.mono_ms - started_ms))
        client = connect(broker, step.client_id)
        client.send(request, step.version)
        answers = client.answers()
        return answers[0][1] if answers else None

    return throttling.run(ask)


@pytest.mark.parametrize("name", KAFKAS)
def test_clients_are_told_what_kafka_tells_them(ours: dict[str, Any], name: str) -> None:
    here, there = dict(ours[name]), {key: value for key, value in KAFKAS[name].items() if key != "at_ms"}
    assert here.pop("throttle_ms", 0) == pytest.approx(there.pop("throttle_ms", 0), abs=TOLERANCE_MS)
    assert here == there


def test_the_answer_goes_first_and_then_the_connection_is_muted(broker: CoreHarness) -> None:
    give(broker, producer_byte_rate=1000)
    client = connect(broker)
    answer = client.request(produce_request("drives", batch_of(bytes(12_000))), PRODUCE_VERSION)
    assert answer.throttle_time_ms > 2000
    assert not client.session.wants_input
    muted = broker.core.node.counters.throttled[0]
    assert (muted.count, muted.total) == (1, answer.throttle_time_ms * 1_000_000)
    broker.advance(answer.throttle_time_ms - 1)
    assert not client.session.wants_input
    broker.core.ready.clear()
    client.session.listed = False
    broker.advance(1)
    assert client.session.wants_input
    assert client.session in broker.core.ready, "the shell is told to read on"


def test_only_the_connection_that_was_above_is_muted(broker: CoreHarness) -> None:
    give(broker, producer_byte_rate=1000)
    loud, quiet = connect(broker), connect(broker)
    loud.request(produce_request("drives", batch_of(bytes(20_000))), PRODUCE_VERSION)
    assert quiet.session.wants_input
    assert quiet.request(ApiVersionsRequest(), 0).error_code == 0


def test_a_producer_that_wants_no_answer_is_muted_too(broker: CoreHarness) -> None:
    give(broker, producer_byte_rate=1000)
    client = connect(broker)
    client.send(produce_request("drives", batch_of(bytes(20_000)), acks=0), PRODUCE_VERSION)
    assert client.answers() == []
    assert not client.session.wants_input


def test_whoever_goes_while_muted_leaves_no_timer_behind(broker: CoreHarness) -> None:
    give(broker, producer_byte_rate=1)
    client = connect(broker)
    client.request(produce_request("drives", batch_of(bytes(2000))), PRODUCE_VERSION)
    client.disconnect()
    assert broker.nothing_is_left_behind()


def test_a_parked_fetch_is_measured_when_it_is_answered(broker: CoreHarness) -> None:
    give(broker, consumer_byte_rate=1000)
    reader = connect(broker)
    reader.send(fetch_request({"drives": {0: 0}}, max_wait_ms=60_000), 12)
    broker.advance(20_000)
    for _ in range(3):
        connect(broker, "writer").request(produce_request("drives", batch_of(bytes(6000))), PRODUCE_VERSION)
    ((_, first),) = reader.answers()
    assert first.throttle_time_ms == 0
    reader.request(fetch_request({"drives": {0: 1}}, partition_max_bytes=7000), 12)
    assert not reader.session.wants_input


def test_a_batch_that_alone_is_above_the_quota_reaches_who_has_rested(broker: CoreHarness) -> None:
    broker_client = connect(broker, "writer")
    broker_client.request(produce_request("drives", batch_of(bytes(50_000))), PRODUCE_VERSION)
    give(broker, consumer_byte_rate=1000)
    answer = connect(broker).request(fetch_request({"drives": {0: 0}}), 12)
    assert len(answer.responses[0].partitions[0].records) > 50_000
    assert answer.throttle_time_ms > 40_000
    again = connect(broker).request(fetch_request({"drives": {0: 0}}), 12)
    assert again.responses == []
    assert again.throttle_time_ms > 40_000


def test_records_of_a_share_group_leave_and_mute_afterwards(broker: CoreHarness) -> None:
    set_config(broker, "g", share_auto_offset_reset="earliest")
    member = Member(broker, "m", topic="drives")
    connect(broker, "writer").request(produce_request("drives", batch_of(bytes(50_000))), PRODUCE_VERSION)
    give(broker, consumer_byte_rate=1000)
    answer = member.fetch()
    assert len(answer.responses[0].partitions[0].records) > 50_000
    assert answer.throttle_time_ms > 40_000
    assert not member.peer.session.wants_input


def test_ranges_of_an_answer_that_stays_are_given_back(broker: CoreHarness) -> None:
    for _ in range(3):
        connect(broker, "writer").request(produce_request("drives", batch_of(bytes(8_000))), PRODUCE_VERSION)
    give(broker, consumer_byte_rate=1000)
    before = pins(broker)
    for offset in range(3):
        answer = connect(broker).request(
            fetch_request({"drives": {0: offset}}, partition_max_bytes=8_500), 12
        )
    assert answer.responses == []
    assert pins(broker) == before


def test_time_spent_counts_from_the_next_answer_on_and_for_one_window_at_most(broker: CoreHarness) -> None:
    give(broker, request_percentage=1)
    client = connect(broker)
    assert client.request(MetadataRequest(topics=[]), 12).throttle_time_ms == 0
    assert broker.node.quotas.measures
    broker.node.quotas.spent(client.session, 110_000_000, broker.now.mono_ms)
    assert client.request(MetadataRequest(topics=[]), 12).throttle_time_ms == 1000
    assert not client.session.wants_input
    broker.advance(11_000)
    assert client.request(MetadataRequest(topics=[]), 12).throttle_time_ms == 0
    broker.node.quotas.spent(client.session, 104_000_000, broker.now.mono_ms)
    assert client.request(MetadataRequest(topics=[]), 12).throttle_time_ms == 400


def test_logins_are_not_throttled(broker: CoreHarness) -> None:
    give(broker, request_percentage=1)
    client = connect(broker)
    broker.node.quotas.spent(client.session, 10**12, broker.now.mono_ms)
    client.send(SaslHandshakeRequest(mechanism="PLAIN"), 1)
    assert client.session.muted is None


def test_quotas_count_again_after_a_restart(broker: CoreHarness) -> None:
    give(broker, producer_byte_rate=1000)
    answer = connect(restarted(broker)).request(
        produce_request("drives", batch_of(bytes(20_000))), PRODUCE_VERSION
    )
    assert answer.throttle_time_ms > 0


def test_without_quotas_nothing_is_counted(broker: CoreHarness) -> None:
    assert not broker.node.quotas.on
    give(broker, producer_byte_rate=1000)
    assert broker.node.quotas.on
    assert not broker.node.quotas.measures
    give(broker, producer_byte_rate=None)
    assert not broker.node.quotas.on
