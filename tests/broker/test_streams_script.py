"""Our answers to the script of streams group requests against those recorded from Apache Kafka 4.4.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.broker import streams_script
from tests.broker.harness import CoreHarness

RECORDED: dict[str, Any] = json.loads(streams_script.ANSWERS.read_text())

WRONG = "the request is wrong, and the caller can be told how; Kafka's handler fails with -1"
DIFFERENT: dict[str, str] = {
    "kinds: list NotReady": "a filter takes the name that is shown; there only not_ready, which is shown nowhere",
    "senseless: twice": WRONG,
    "senseless: negative epoch": WRONG,
    "senseless: copartition index": WRONG,
}
"""Steps where we answer differently on purpose, and why."""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    broker = CoreHarness(
        "os", **{name.replace(".", "_"): value for name, value in streams_script.SETTINGS.items()}
    )
    peer = broker.connect()
    return streams_script.play(peer.request, broker.advance)


@pytest.mark.parametrize("step", [step for step in RECORDED if step not in DIFFERENT])
def test_the_answer_is_kafkas(step: str, answers: dict[str, Any]) -> None:
    assert answers[step] == RECORDED[step]


def test_the_differences_are_known_and_no_more(answers: dict[str, Any]) -> None:
    assert answers.keys() == RECORDED.keys()
    assert {step for step in RECORDED if answers[step] != RECORDED[step]} == DIFFERENT.keys()
