"""What a client's error says of a record's fate."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from neuraxis.testing.verify.actor import error_of, outcome_of


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, "fail"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "fail"),
        (KafkaError._MSG_TIMED_OUT, "unknown"),
        (KafkaError._PURGE_QUEUE, "unknown"),
        (KafkaError.REQUEST_TIMED_OUT, "unknown"),
        (KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "unknown"),
    ],
)
def test_only_a_certain_refusal_is_a_failure(code: int, outcome: str) -> None:
    assert outcome_of(KafkaError(code)) == outcome


def test_no_error_is_an_acknowledgement() -> None:
    assert outcome_of(None) == "ok"


def test_an_exception_gives_its_error_if_it_has_one() -> None:
    error = KafkaError(KafkaError._TIMED_OUT)
    assert error_of(KafkaException(error)) is error
    assert error_of(KafkaException("text")) is None
