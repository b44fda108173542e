from __future__ import annotations

import pytest

from neuraxis.broker.telemetry import points_of
from neuraxis.wire.compression import CompressionType, compress
from neuraxis.wire.messages.push_telemetry import PushTelemetryRequest
from tests.broker.harness import CoreHarness
from tests.broker.scripts.replay import assert_kafkas_answers
from tests.broker.scripts.telemetry import ask, push, subscribe
from tests.wire.test_otlp import message, number, text


def metrics(name: str, value: int) -> bytes:
    """A MetricsData with one gauge."""
    point = message(6, value.to_bytes(8, "little", signed=True), fixed=True)
    metric = text(1, name) + message(5, message(1, point))
    return message(1, message(2, message(2, metric)))


def test_pushes_are_answered_as_by_kafka() -> None:
    assert_kafkas_answers("telemetry", PushTelemetryRequest)


@pytest.mark.parametrize("codec", CompressionType)
def test_the_last_push_of_a_client_is_kept_whatever_compresses_it(codec: CompressionType) -> None:
    broker = CoreHarness()
    peer = broker.connect()
    peer.request(subscribe("all", metrics="*", interval_ms="100"), 1)
    answers = {"got": peer.request(ask(), 0)}
    for value in (1, 2):
        data = compress(codec, metrics("requests", value))
        answer = peer.request(push("got", data, compression=codec)(answers), 0)
        assert answer.error_code == 0
        broker.advance(200)
    (instance,) = broker.node.telemetry.instances.values()
    assert [(point.name, point.value) for point in points_of(instance)] == [("requests", 2)]
    assert instance.received_ms == broker.now.wall_ms - 200


def test_a_push_that_decompresses_without_end_is_refused() -> None:
    broker = CoreHarness()
    peer = broker.connect()
    answers = {"got": peer.request(ask(), 0)}
    bomb = compress(CompressionType.GZIP, bytes(64 << 20))
    assert peer.request(push("got", bomb, compression=CompressionType.GZIP)(answers), 0).error_code == 87


def test_a_push_is_counted_by_its_number_fields() -> None:
    assert number(1, 300) == b"\x08\xac\x02", "the helpers of these tests write protobuf"
