"""Our answers to the script of share group requests against those recorded from Apache Kafka 4.4.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.broker import share_script
from tests.broker.harness import CoreHarness

RECORDED: dict[str, Any] = json.loads(share_script.ANSWERS.read_text())

AT_ONCE = "the first answer holds partitions here; there share partitions are initialised first, which raises the epoch"
BALANCE = "as balanced, other partitions"
KEPT = "where a share partition begins is kept, and shown, from the first fetch on: a restart would skip records else"
STEP = "the start moves with what is done; there with the write after that"
DIFFERENT: dict[str, str] = {
    **dict.fromkeys(
        (
            "members: first",
            "members: after joins",
            "members: join",
            "members: join again",
            "members: beat",
            "members: described",
            "members: old epoch",
            "members: unknown topic too",
            "members: described with an unknown topic",
            "members: described empty",
            "members: a joins",
            "members: d joins one partition",
            "members: two on one partition",
            "sessions: join",
            "states: join",
            "states: n joins",
            "limits: join",
            "limits: l2 too",
            "deliveries: join",
            "offsets: join",
            "offsets: late joins",
        ),
        AT_ONCE,
    ),
    **dict.fromkeys(
        (
            "members: b joins",
            "members: c joins",
            "members: a beats",
            "members: b beats",
            "members: three described",
        ),
        BALANCE,
    ),
    **dict.fromkeys(
        (
            "sessions: offsets offsets",
            "sessions: offsets offsets v0",
            "offsets: offsets latest",
        ),
        KEPT,
    ),
    "deliveries: offsets offsets after deletion": STEP,
    "deliveries: records deleted": "what is left is given at once; there the first fetch only notices that some are gone",
    "limits: mode 2": "it is the request that is wrong; Kafka's handler fails with -1",
    "limits: of two": "which partition comes first is free; here it changes with every request of a session",
    "limits: of two again": "as above",
    "sessions: first": "partitions that are new in a session are named though they hold nothing; there if they are loaded",
    "offsets: offsets acknowledged": STEP,
    "offsets: from 3": "the altered offset counts at once; there not before the share partition is loaded anew",
}
"""Steps where we answer differently on purpose, and why."""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    broker = CoreHarness(
        "os", **{name.replace(".", "_"): value for name, value in share_script.SETTINGS.items()}
    )
    peer = broker.connect()

    def ask(request: Any, version: int) -> Any:
        peer.send(request, version)
        found = peer.answers()
        for _ in range(600):  # no request of the script waits for more than 6 s
            if found:
                break
            broker.advance(10)
            found = peer.answers()
        ((_, answer),) = found
        return answer

    return share_script.play(ask, broker.advance)


@pytest.mark.parametrize("step", [step for step in RECORDED if step not in DIFFERENT])
def test_the_answer_is_kafkas(step: str, answers: dict[str, Any]) -> None:
    assert without_address(answers[step]) == without_address(RECORDED[step])


def test_the_differences_are_known_and_no_more(answers: dict[str, Any]) -> None:
    assert answers.keys() == RECORDED.keys()
    different = {
        step for step in RECORDED if without_address(answers[step]) != without_address(RECORDED[step])
    }
    assert different == DIFFERENT.keys()


def without_address(answer: Any) -> Any:
    """An answer without where the broker is."""
    if isinstance(answer, list):
        return [without_address(item) for item in answer]
    if isinstance(answer, dict):
        return {
            name: without_address(value)
            for name, value in answer.items()
            if name not in ("host", "port", "node_id")
        }
    return answer
