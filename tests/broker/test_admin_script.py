"""Our answers to the script of administrative requests against those recorded from Apache Kafka 4.4.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.broker.admin_script import ANSWERS, SCRIPT, canonical, create, topic
from tests.broker.harness import CoreHarness

RECORDED: dict[str, Any] = json.loads(ANSWERS.read_text())

AT_ONCE = "a topic that is created by asking for it is in that answer; Kafka answers 3 and lets the client ask again"
ELR = "Kafka pins min.insync.replicas for all brokers while eligible leader replicas are on; we have none"
DIFFERENT: dict[str, tuple[list[int], str]] = {
    "metadata: unknown v1 creates": ([0, 0, 0], AT_ONCE),
    "metadata: unknown v8 creates": ([0, 0, 0], AT_ONCE),
    "metadata: internal, created": ([0, 0, 0], AT_ONCE),
    "metadata: collision": (
        [0, 0, 0, 17],
        "Kafka's collision check does not look at topics of the same request",
    ),
    "create: colliding in one request": ([0, 17], "as above"),
    "metadata: zero id without a name": (
        [0, 42],
        "Kafka's handler fails with -1: it is the request that is wrong",
    ),
    "create v7: two replicas": (
        [0],
        "one replica is served, the wish is kept; the strict switch answers as Kafka",
    ),
    "grow: internal": ([17], "groups find their partition by its number: it must not change"),
    "change: offsets topic policy": ([40], "the broker's own state depends on it"),
    "change: operation 9": ([42], "Kafka's handler fails with -1: it is the request that is wrong"),
    "change: broker unknown config": (
        [40],
        "Kafka keeps it for plug-ins; here it can only be a slip of the pen",
    ),
    "describe: no keys": ([0], ELR),
    "describe: all brokers": ([0], ELR),
    "changed all brokers": ([0], ELR),
    "list resources: none named": (
        [0],
        "the topics of the script that exist here alone (r2), and there alone (co_l)",
    ),
}
"""Steps where we answer differently on purpose: the error codes of our answer, and why."""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    peer = CoreHarness("os").connect()
    peer.request(create(topic("plain")), 7)
    return {name: canonical(request, peer.request(request, version)) for name, request, version in SCRIPT}


@pytest.mark.parametrize("name", [name for name, _, _ in SCRIPT if name not in DIFFERENT])
def test_the_answer_is_kafkas(name: str, answers: dict[str, Any]) -> None:
    assert answers[name] == RECORDED[name]


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_answer_differs_from_kafkas_as_decided(name: str, answers: dict[str, Any]) -> None:
    assert answers[name] != RECORDED[name], "no longer different: take it off the list"
    assert error_codes(answers[name]) == DIFFERENT[name][0]


def test_every_recorded_answer_is_asked_for() -> None:
    assert list(RECORDED) == [name for name, _, _ in SCRIPT]


def error_codes(answer: Any) -> list[int]:
    """Every error code in the answer, the outermost first."""
    if isinstance(answer, list):
        return [code for item in answer for code in error_codes(item)]
    if not isinstance(answer, dict):
        return []
    own = [answer["error_code"]] if "error_code" in answer else []
    return own + [code for name, item in answer.items() if name != "error_code" for code in error_codes(item)]
