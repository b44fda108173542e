"""Errors: every one has a next step that names its subject."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from neuraxis.client import ClientError
from neuraxis.client.errors import explain


def test_the_next_step_names_the_subject() -> None:
    error = explain(KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)), "read drives", "drives")
    assert error.what == "could not read drives: Unknown topic or partition"
    assert "neuraxis topic create drives" in error.next_step
    assert error.code == "UNKNOWN_TOPIC_OR_PART"


@pytest.mark.parametrize(
    "code", [KafkaError._ALL_BROKERS_DOWN, KafkaError.NON_EMPTY_GROUP, KafkaError.INVALID_RECORD]
)
def test_every_error_has_a_next_step(code: int) -> None:
    error = explain(KafkaError(code), "do it")
    assert error.next_step
    assert str(error) == f"{error.what} ({error.next_step})"


def test_errors_of_other_kinds_and_our_own_pass_through() -> None:
    own = ClientError("what", "next")
    assert explain(own, "do it") is own
    assert explain(TimeoutError("too slow"), "do it").what == "could not do it: too slow"
