"""fuzz/core.py finds what it is for, finds nothing in the broker as it is, and its corpus is fed again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fuzz import core, likely
from neuraxis.broker.call import PARKED, Call
from neuraxis.broker.node import Node
from tests.tidy.repository import ROOT

CORPUS = ROOT / "fuzz" / "corpus"
SHORT = 300


@pytest.fixture(autouse=True)
def errors() -> Iterator[None]:
    core.watch_errors()
    yield
    core.forget_errors()


def play_some() -> None:
    for seed in range(9):
        core.play(seed, SHORT)


def replace_handler(monkeypatch: pytest.MonkeyPatch, key: int, handler: Any) -> None:
    original = core.WatchedCore._route

    def route(self: core.WatchedCore, *arguments: Any) -> Any:
        found = original(self, *arguments)
        if found is None or arguments[1] != key:
            return found
        changed = dataclasses.replace(found[0], handler=handler), *found[1:]
        self._known_routes[arguments[1], arguments[2]] = changed
        return changed

    monkeypatch.setattr(core.WatchedCore, "_route", route)


def test_a_few_worlds_find_nothing() -> None:
    worlds = [core.play(seed, SHORT) for seed in range(4)]
    assert sum(world.frames for world in worlds) >= 4 * SHORT
    assert len({key for world in worlds for key, _ in world.outcomes}) > 40


def test_a_world_is_the_same_each_time() -> None:
    first, second = core.play(7, SHORT), core.play(7, SHORT)
    assert first.now == second.now
    assert first.outcomes == second.outcomes


def test_a_handler_that_fails_is_found_and_the_note_says_how_to_see_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(node: Node, call: Call, request: Any) -> None:
        raise KeyError("a bug")

    replace_handler(monkeypatch, 3, fail)
    with pytest.raises(core.Finding, match="a bug") as found:
        play_some()
    assert any("python -m fuzz.core --seed" in note for note in found.value.__notes__)


def test_a_call_that_is_parked_without_a_deadline_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_handler(monkeypatch, 3, lambda node, call, request: PARKED)
    monkeypatch.setattr(core, "SETTLING_ROUNDS", 200)
    with pytest.raises(core.Finding, match=r"nothing will answer|open after 200 deadlines"):
        play_some()


def test_an_answer_out_of_order_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original = core.WatchedCore._finish

    def finish(self: core.WatchedCore, call: Call, response: Any) -> None:
        call.correlation_id += 1
        original(self, call, response)
        call.correlation_id -= 1

    monkeypatch.setattr(core.WatchedCore, "_finish", finish)
    with pytest.raises(core.Finding, match="was due"):
        core.play(1, SHORT)


def test_a_good_client_gets_into_every_kind_of_group(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: set[int] = set()
    original = likely.Pairs.learn

    def learn(self: likely.Pairs, key: int, answer: Any) -> None:
        original(self, key, answer)
        learnt.update(kind for kind, known in self._known.items() if known)

    monkeypatch.setattr(likely.Pairs, "learn", learn)
    for seed in range(9):
        core.play(seed, SHORT)
    assert learnt == set(likely.PAIRS)


def test_the_corpus_is_answered_or_refused() -> None:
    lines = (CORPUS / "core.txt").read_text("ascii").splitlines()
    assert len(lines) > 100
    world = core.World(1)
    world.prepare()
    for line in lines:
        session = world.sessions[0]
        if session.closing is not None:
            world._drop(session)
            session = world._connect("OPEN")
        if session.wants_input:
            world._feed(session, bytes.fromhex(line.rpartition("\t")[2]))
        world._work(everything=True)
        world._read(session)
    world.finish()
    assert core.ERRORS.found == []


def test_the_corpus_is_small() -> None:
    files: list[Path] = sorted(CORPUS.iterdir())
    assert files
    assert sum(path.stat().st_size for path in files) < 600_000, "git keeps every version of it for ever"
