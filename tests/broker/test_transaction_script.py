"""Our answers to the script of transactional requests against those recorded from Apache Kafka 4.4.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.broker.harness import WALL_MS, CoreHarness
from tests.broker.transaction_script import ANSWERS, Player, play

RECORDED: dict[str, Any] = json.loads(ANSWERS.read_text())

DIFFERENT = {
    "marker older epoch": "Kafka's handler fails with -1 in version 1; a marker that comes too late is 47, as in version 2",
}
"""Steps where we answer differently on purpose, and why."""


@pytest.fixture(scope="module", params=["sync", "os"])
def answers(request: pytest.FixtureRequest) -> dict[str, Any]:
    broker = CoreHarness(request.param)
    peer = broker.connect()
    player = Player(peer.request, broker.advance, WALL_MS)
    play(player)
    return player.answers


@pytest.mark.parametrize("name", [name for name in RECORDED if name not in DIFFERENT])
def test_the_answer_is_kafkas(name: str, answers: dict[str, Any]) -> None:
    assert answers[name] == RECORDED[name]


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_answer_differs_from_kafkas_as_decided(name: str, answers: dict[str, Any]) -> None:
    assert answers[name] != RECORDED[name], "no longer different: take it off the list"


def test_every_recorded_answer_is_asked_for(answers: dict[str, Any]) -> None:
    assert list(answers) == list(RECORDED)
