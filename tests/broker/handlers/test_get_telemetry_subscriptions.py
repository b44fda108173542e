from __future__ import annotations

from neuraxis.broker.telemetry import DEFAULT_INTERVAL_MS
from neuraxis.wire.messages.get_telemetry_subscriptions import GetTelemetrySubscriptionsRequest
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted
from tests.broker.scripts.replay import assert_kafkas_answers
from tests.broker.scripts.telemetry import ask, subscribe


def test_subscriptions_are_answered_as_by_kafka() -> None:
    assert_kafkas_answers("telemetry", GetTelemetrySubscriptionsRequest)


def test_values_are_asked_for_as_they_stand_and_not_as_differences() -> None:
    """Kafka asks for differences, which a lost push would falsify."""
    answer = CoreHarness().connect().request(ask(), 0)
    assert (answer.error_code, answer.delta_temporality) == (0, False)


def test_every_client_without_an_id_is_given_one_of_its_own() -> None:
    peer = CoreHarness().connect()
    first, second = (peer.request(ask(), 0) for _ in range(2))
    assert bytes(16) not in (first.client_instance_id, second.client_instance_id)
    assert first.client_instance_id != second.client_instance_id
    assert first.subscription_id != second.subscription_id


def test_subscriptions_outlive_the_broker() -> None:
    broker = CoreHarness()
    peer = broker.connect()
    assert peer.request(ask(), 0).push_interval_ms == DEFAULT_INTERVAL_MS
    peer.request(subscribe("all", metrics="*", interval_ms="1000"), 1)
    answer = restarted(broker).connect().request(ask(), 0)
    assert (answer.requested_metrics, answer.push_interval_ms) == (["*"], 1000)


def test_another_config_of_the_catalogue_leaves_subscriptions_alone() -> None:
    broker = CoreHarness()
    peer = broker.connect()
    answers = {"first": peer.request(ask(), 0)}
    broker.create_topic("t")
    assert peer.request(ask("first")(answers), 0).error_code == 89, "the instance is still known"
