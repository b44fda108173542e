"""Fetch sessions (KIP-227): full and incremental fetches, epochs, forgotten and unknown partitions, names and ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic, ForgottenTopic
from tests.broker.admin_script import create, delete, metadata, topic
from tests.broker.harness import batch_of, produce_request
from tests.broker.scripts.player import Answers, Script, Step

NAMES, IDS = 12, 13
UNKNOWN_ID = bytes(range(16))
Offsets = dict[str, dict[int, int] | list[tuple[int, int]]]


def produce(name: str, index: int = 0) -> Any:
    return produce_request(name, batch_of(b"value"), index)


def fetch(
    of: str | int | None,
    epoch: int,
    offsets: Offsets | None = None,
    forget: dict[str, list[int]] | None = None,
    **options: int,
) -> Callable[[Answers], FetchRequest]:
    """A fetch in the session that the step `of` was given (a number is an id, None no session), by names or ids."""

    def request(answers: Answers) -> FetchRequest:
        ids = {}
        for answer in answers.values():
            for one in getattr(answer, "topics", ()):
                if getattr(one, "topic_id", None):
                    ids[one.name] = one.topic_id
        session = answers[of].session_id if isinstance(of, str) else of or 0
        return FetchRequest(
            max_wait_ms=0,
            min_bytes=options.get("min_bytes", 1),
            max_bytes=options.get("max_bytes", 1 << 20),
            session_id=session + options.get("off_by", 0),
            session_epoch=epoch,
            topics=[
                FetchTopic(
                    name,
                    ids.get(name, UNKNOWN_ID),
                    [
                        FetchPartition(index, -1, offset, partition_max_bytes=1 << 20)
                        for index, offset in (parts.items() if isinstance(parts, dict) else parts)
                    ],
                )
                for name, parts in (offsets or {}).items()
            ],
            forgotten_topics_data=[
                ForgottenTopic(name, ids.get(name, UNKNOWN_ID), indexes)
                for name, indexes in (forget or {}).items()
            ],
        )

    return request


EVERYTHING: Offsets = {"a": {0: 0, 1: 0}, "b": {0: 0}}
FULL = "full"


def _names() -> list[Step]:
    steps: list[tuple[str, Any]] = [
        (FULL, fetch(None, 0, EVERYTHING)),
        ("again, nothing consumed", fetch(FULL, 1)),
        ("consumed", fetch(FULL, 2, {"a": {0: 1}})),
        ("nothing new", fetch(FULL, 3)),
        ("produce b", produce("b")),
        ("b arrives", fetch(FULL, 4)),
        ("b is still there", fetch(FULL, 5)),
        ("an old epoch", fetch(FULL, 5)),
        ("a later epoch", fetch(FULL, 99)),
        ("another session", fetch(FULL, 6, off_by=1)),
        ("a negative session", fetch(-5, 6)),
        ("goes on", fetch(FULL, 6, {"b": {0: 1}})),
        ("forget a-1", fetch(FULL, 7, forget={"a": [1]})),
        ("produce a-1", produce("a", 1)),
        ("a-1 is forgotten", fetch(FULL, 8)),
        ("a-1 again", fetch(FULL, 9, {"a": {1: 0}})),
        ("an unknown partition", fetch(FULL, 10, {"a": {1: 1, 9: 0}})),
        ("still unknown", fetch(FULL, 11)),
        ("an unknown topic", fetch(FULL, 12, {"nope": {0: 0}}, {"a": [9]})),
        ("still unknown topic", fetch(FULL, 13)),
        ("out of range", fetch(FULL, 14, {"a": {1: 99}}, {"nope": [0]})),
        ("still out of range", fetch(FULL, 15)),
        ("back in range", fetch(FULL, 16, {"a": {1: 1}})),
        ("forget what is not there", fetch(FULL, 17, forget={"zzz": [0], "a": [77]})),
        ("named twice", fetch(FULL, 18, {"a": [(0, 0), (0, 1)]})),
        ("forgotten and named", fetch(FULL, 19, {"a": {0: 0}}, {"a": [0]})),
        ("after forgotten and named", fetch(FULL, 20)),
        ("produce a-0 and no more bytes", produce("a", 0)),
        ("no bytes allowed", fetch(FULL, 21, {"a": {0: 1}}, max_bytes=0)),
        ("more than there is", fetch(FULL, 22, min_bytes=100_000)),
    ]
    return [
        *(Step(name, request, NAMES) for name, request in steps),
        Step("by ids in a session of names", fetch(FULL, 23), IDS),
        Step("by names afterwards", fetch(FULL, 23), NAMES),
        Step("by names afterwards, next", fetch(FULL, 24), NAMES),
        Step("delete b", delete("b"), 5, 500),
        Step("b is gone", fetch(FULL, 25), NAMES),
        Step("make b again", create(topic("b", 1)), 5, 500),
        Step("b is back", fetch(FULL, 26), NAMES),
        Step("forget everything", fetch(FULL, 27, forget={"a": [0, 1], "b": [0]}), NAMES),
        Step("after everything was forgotten", fetch(FULL, 28), NAMES),
    ]


STEPS = [
    Step("topics", create(topic("a", 2), topic("b", 1)), 5, 500),
    Step("ids", metadata("a", "b"), 12),
    Step("produce a", produce("a"), 12),
    Step("version 6", fetch(None, 0, EVERYTHING), 6),
    *_names(),
    Step("final epoch", fetch(None, -1, EVERYTHING), NAMES),
    Step("second", fetch(None, 0, EVERYTHING), NAMES),
    Step("third in the place of the second", fetch("second", 0, {"a": {0: 0}}), NAMES),
    Step("the second is gone", fetch("second", 1), NAMES),
    Step("the third lives", fetch("third in the place of the second", 1), NAMES),
    Step("the third is closed", fetch("third in the place of the second", -1, {"a": {0: 0}}), NAMES),
    Step("the third is gone", fetch("third in the place of the second", 2), NAMES),
    Step("new beside an unknown id", fetch(12345, 0, {"a": {0: 0}}), NAMES),
    Step("full and empty", fetch(None, 0), NAMES),
    Step("full and empty goes on", fetch("full and empty", 1, {"a": {0: 0}}), NAMES),
    Step("full with one twice", fetch(None, 0, {"a": [(0, 0), (0, 1)]}), NAMES),
    Step("full with a forgotten one", fetch(None, 0, {"a": {0: 0}}, {"a": [0]}), NAMES),
    Step("wrong negative epoch", fetch(None, -2, {"a": {0: 0}}), NAMES),
    Step("ids: full", fetch(None, 0, {"a": {0: 0, 1: 2}}), IDS),
    Step("ids: consumed", fetch("ids: full", 1, {"a": {0: 2}}), IDS),
    Step("ids: unknown", fetch("ids: full", 2, {"nope": {0: 0}}), IDS),
    Step("ids: still unknown", fetch("ids: full", 3), IDS),
    Step("ids: in a session of ids by names", fetch("ids: full", 4), NAMES),
    Step("ids: afterwards", fetch("ids: full", 4, forget={"nope": [0]}), IDS),
    Step("ids: full with an unknown one", fetch(None, 0, {"a": {0: 0}, "nope": {0: 0}}), IDS),
    Step("ids: newest version", fetch(None, 0, {"a": {0: 0}}), 18),
]

SCRIPT = Script(STEPS)
FREE = frozenset({"session_id"})
