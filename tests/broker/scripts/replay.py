"""Plays the scripts against our handlers and compares the answers with those recorded from Apache Kafka."""

from __future__ import annotations

import functools
import json
from typing import Any, NamedTuple

from neuraxis.broker.log.store import StoreOptions
from neuraxis.wire import frames, messages
from neuraxis.wire.schema import schema_of
from tests.broker.harness import CoreHarness, Peer
from tests.broker.scripts import one_node
from tests.broker.scripts.catalogue import FREE, KNOWN, SCRIPTS
from tests.broker.scripts.player import DATA, Answers, Step, run

Different = dict[str, tuple[int | None, str]]
"""Steps where we answer otherwise on purpose: our first error code (None: closed; 0: no error), and why."""


class Played(NamedTuple):
    """Our answers, and the class of the request of each step."""

    answers: Answers
    requests: dict[str, type]
    broker: CoreHarness


class ScriptPeer(Peer):
    """A client with the scripts' client id; a refused connection answers None and is opened anew."""

    def send(self, request: Any, version: int) -> int:
        self._next_correlation_id += 1
        key = schema_of(type(request)).key
        assert key is not None
        self.asked[self._next_correlation_id] = (messages.response_class(key), version)
        self.send_frame(frames.encode_request(self._next_correlation_id, request, version, "script")[4:])
        return self._next_correlation_id


@functools.cache
def play(name: str) -> Played:
    """Our answers to a script, played once."""
    script = SCRIPTS[name]
    broker = CoreHarness("os", options=StoreOptions(cluster_id=one_node.CLUSTER_ID), **script.settings)
    peers: dict[str, ScriptPeer] = {}
    requests: dict[str, type] = {}

    def ask(step: Step, request: Any) -> Any:
        requests[step.name] = type(request)
        peer = peers.get(step.connection)
        if peer is None:
            peer = peers[step.connection] = ScriptPeer(
                broker, broker.core.connect("PLAINTEXT", "10.0.0.7", 50_000)
            )
        if step.name.startswith("login "):
            peer.session.principal = f"User:{step.connection}"
        peer.send(request, step.version)
        answers = peer.answers()
        if not answers:
            assert peer.session.closing, f"{step.name}: no answer"
            peer.disconnect()
            del peers[step.connection]
            return None
        return answers[0][1]

    answers = run(script, ask, broker.advance, FREE.get(name, frozenset()), KNOWN, lambda: broker.now.wall_ms)
    return Played(answers, requests, broker)


def recorded(name: str) -> Answers:
    """What Apache Kafka answered."""
    answers: Answers = json.loads((DATA / f"answers_{name}.json").read_text())
    return answers


def assert_kafkas_answers(name: str, *requests: type, different: Different | None = None) -> None:
    """Every step of the script with these requests is answered as by Kafka, but for those listed as different."""
    played, kafkas = play(name), recorded(name)
    assert list(played.answers) == list(kafkas), "record the script again: python -m tests.broker.scripts"
    meant = [
        step for step, kind in played.requests.items() if kind in requests and not step.startswith("login ")
    ]
    assert meant, "no step of the script sends such a request"
    different = different or {}
    assert set(different) <= set(meant), set(different) - set(meant)
    wrong = [
        f"{step}\n  Kafka: {json.dumps(kafkas[step])}\n  here:  {json.dumps(played.answers[step])}"
        for step in meant
        if step not in different and json.loads(json.dumps(played.answers[step])) != kafkas[step]
    ]
    assert not wrong, "\n".join(wrong)
    for step, (code, reason) in different.items():
        ours = json.loads(json.dumps(played.answers[step]))
        assert ours != kafkas[step], f"{step} is no longer different ({reason}): take it off the list"
        assert first_error(ours) == code, step


def first_error(answer: Any) -> int | None:
    """The first error code in the answer that is not 0, else 0; None for a closed connection."""
    codes = error_codes(answer)
    return None if answer is None else next((code for code in codes if code), 0)


def error_codes(answer: Any) -> list[int]:
    """Every error code in the answer, the outermost first."""
    if isinstance(answer, list):
        return [code for item in answer for code in error_codes(item)]
    if not isinstance(answer, dict):
        return []
    own = [answer["error_code"]] if "error_code" in answer else []
    return own + [code for key, item in answer.items() if key != "error_code" for code in error_codes(item)]
