"""The walk through the table on our core, against what Apache Kafka 4.4.0 answered with its authoriser on."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from neuraxis.broker.authorisation.steps import needs_of
from neuraxis.broker.authorisation.table import TABLE
from neuraxis.broker.registry import api_table
from tests.broker.authorisation.cases import CASES
from tests.broker.authorisation.walk import ANSWERS, SETTINGS, Case, Walk, World, key_of
from tests.broker.harness import CoreHarness, Peer

RECORDED: dict[str, Any] = json.loads(ANSWERS.read_text())
BY_NAME = {case.name: case for case in CASES}

NAMELESS = "Kafka names a user without a name beside the error"
DIFFERENT: dict[str, str] = {
    "Metadata creates: +": "a topic that is created by asking for it is in that answer; Kafka answers 3 first",
    "FindCoordinator share v6: +": "there is no coordinator that has to be made first; Kafka answers 15 while it makes it",
    "AlterShareGroupOffsets: - READ TOPIC here": "Kafka tells the id of the topic, and so that it exists",
    "DescribeUserScramCredentials: - DESCRIBE CLUSTER cluster": NAMELESS,
    "DescribeUserScramCredentials: - DESCRIBE CLUSTER cluster, gone": NAMELESS,
}
"""Rows (`case: row`) where we answer otherwise on purpose, and why."""


@functools.cache
def played(name: str) -> dict[str, Any]:
    """Our rows of a case, on a broker of its own."""
    broker = CoreHarness("os", **{key.replace(".", "_"): value for key, value in SETTINGS.items()})
    peers: dict[str, Peer] = {}

    def ask(user: str, request: Any, version: int) -> Any:
        peer = peers.get(user)
        if peer is None:
            peer = peers[user] = broker.connect()
            peer.session.principal = f"User:{user}"
        correlation_id = peer.send(request, version)
        if peer.session.closing:
            del peers[user]
            return None
        answers = dict(peer.answers())
        return answers[correlation_id]

    return Walk(ask, lambda: None).play(BY_NAME[name])


def rows() -> list[tuple[str, str]]:
    served = api_table()
    return [(name, row) for name, found in RECORDED.items() if _key(BY_NAME[name]) in served for row in found]


def _key(case: Case) -> int:
    world = World(
        "", "a", "b", "g", "t", "User:u", ids={"a": bytes(16), "b": bytes(16)}, notes={"producer": (1, 0)}
    )
    return key_of(case.request(world))


@pytest.mark.parametrize(("name", "row"), rows())
def test_the_answer_is_kafkas(name: str, row: str) -> None:
    ours, kafkas = json.loads(json.dumps(played(name)[row])), RECORDED[name][row]
    if f"{name}: {row}" in DIFFERENT:
        assert ours != kafkas, "no longer different: take it off the list"
    else:
        assert ours == kafkas


@pytest.mark.parametrize(("name", "row"), [each for each in rows() if each[1].endswith(", gone")])
def test_without_the_grant_nobody_learns_what_exists(name: str, row: str) -> None:
    found = played(name)
    assert found[row] == found[row.removesuffix(", gone")]


def test_every_api_and_every_kind_of_resource_in_the_table_is_walked() -> None:
    walked: dict[int, set[int]] = {key: set() for key in TABLE}
    for case in CASES:
        walked[_key(case)] |= {kind for _, kind, _ in case.needs}
    for key in [api.key for api in api_table().values() if api.advertised]:  # those that Kafka has as well
        asked = {kind for _, kind in needs_of(TABLE[key])}
        assert walked[key] >= asked, f"key {key}: {asked - walked[key]} is not walked"


def test_every_case_was_recorded() -> None:
    assert list(RECORDED) == [case.name for case in CASES], "python -m tests.broker.authorisation.walk"
