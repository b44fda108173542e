"""Trying transactional calls again, and what a transaction sent."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from neuraxis.testing.history import Log, Record
from neuraxis.testing.verify import transactor
from neuraxis.testing.verify.transactor import Attempt, patiently


def failing(times: int, *, retriable: bool) -> list[int]:
    left = [times]

    def call() -> None:
        if left[0]:
            left[0] -= 1
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "slow", retriable=retriable))

    patiently(call)
    return left


def test_a_call_is_made_again_while_the_client_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactor.time, "sleep", lambda _: None)
    assert failing(3, retriable=True) == [0]
    with pytest.raises(KafkaException):
        failing(3, retriable=False)


def test_a_call_is_given_up_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 1000, 9))
    monkeypatch.setattr(transactor.time, "sleep", lambda _: None)
    monkeypatch.setattr(transactor.time, "monotonic", lambda: float(next(now)))
    with pytest.raises(KafkaException):
        failing(1000, retriable=True)


def test_an_attempt_knows_what_it_sent_and_where_it_was_told_to_be() -> None:
    log = Log("t", 0)
    assert Attempt(1, {(log, 5): None, (log, 6): 2}).records() == (Record(log, 5), Record(log, 6, 2))
