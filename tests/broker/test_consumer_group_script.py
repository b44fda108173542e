"""Our answers to the script of consumer group requests against those recorded from Apache Kafka 4.4.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.broker.consumer_group_script import ANSWERS, play
from tests.broker.harness import CoreHarness

RECORDED: dict[str, Any] = json.loads(ANSWERS.read_text())

DIFFERENT = {
    "regex: settled": "as above: there is nothing new to hand out",
    "static: itself while it is there": "it asks again because the answer was lost, and is answered (decision 0008)",
    "regex: join": "a new regular expression is resolved at once: the first answer holds partitions already",
}
"""Steps where we answer differently on purpose, and why."""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    harness = CoreHarness("os")
    peer = harness.connect()
    return play(peer.request, harness.advance)


@pytest.mark.parametrize("name", [name for name in RECORDED if name not in DIFFERENT])
def test_the_answer_is_kafkas(name: str, answers: dict[str, Any]) -> None:
    assert answers[name] == RECORDED[name]


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference_is_one(name: str, answers: dict[str, Any]) -> None:
    assert answers[name] != RECORDED[name]


def test_every_step_was_recorded(answers: dict[str, Any]) -> None:
    assert answers.keys() == RECORDED.keys()
