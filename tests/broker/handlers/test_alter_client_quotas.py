from __future__ import annotations

from neuraxis.wire.messages.alter_client_quotas import AlterClientQuotasRequest
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted
from tests.broker.scripts.quotas import change, entry, find
from tests.broker.scripts.replay import assert_kafkas_answers


def test_changes_are_taken_and_refused_as_by_kafka() -> None:
    assert_kafkas_answers(
        "quotas",
        AlterClientQuotasRequest,
        different={
            "try: localhost": (42, "the broker looks up no names"),
        },
    )


def test_quotas_outlive_the_broker() -> None:
    broker = CoreHarness()
    broker.connect().request(
        change(entry({"user": None, "client-id": "app"}, {"producer_byte_rate": 7.0})), 1
    )
    again = restarted(broker)
    (found,) = again.connect().request(find(), 1).entries
    assert sorted((part.entity_type, part.entity_name) for part in found.entity) == [
        ("client-id", "app"),
        ("user", None),
    ]
    assert [(value.key, value.value) for value in found.values] == [("producer_byte_rate", 7.0)]


def test_an_entity_that_is_named_twice_is_not_changed_at_all() -> None:
    """Kafka carries out the first entry and answers 42 for the second."""
    peer = CoreHarness().connect()
    entity = {"user": "ann"}
    answer = peer.request(
        change(entry(entity, {"producer_byte_rate": 1.0}), entry(entity, {"consumer_byte_rate": 1.0})), 1
    )
    assert [each.error_code for each in answer.entries] == [42]
    assert peer.request(find(), 1).entries == []
