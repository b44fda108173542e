"""Plays a script of requests against a broker and reduces its answers to what must be equal on Apache Kafka and here."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from neuraxis.wire.schema import fields_of
from tests.broker import admin_script

DATA = Path(__file__).parent.parent / "data"
PAUSE_MS = 120
"""Real time after each step: a controller's changes reach the broker's view a moment after the answer."""

Answers = dict[str, Any]


class Step(NamedTuple):
    """One request; `request` may be a function of the answers so far (raw, by step name). `then_ms` passes after it."""

    name: str
    request: Any
    version: int
    then_ms: int = 0
    connection: str = "script"


class Script(NamedTuple):
    """The steps, and the broker configs that Kafka and we are started with."""

    steps: list[Step]
    settings: Mapping[str, str] = {}
    kafka_only: Mapping[str, str] = {}


DROPPED = {"throttle_time_ms", "delta_temporality"}
"""Left out: how long a client is to wait, and (where we differ on purpose) how it is to count."""
MESSAGES = {"error_message"}
ORDERED = {"accepted_compression_types"}
TIMES = {"expiry_timestamp_ms", "max_timestamp_ms", "expiry_timestamp", "max_timestamp"}
"""Points in time, shown as hours from now (half an hour is as near as a slow machine needs)."""
ISSUED = {"issue_timestamp_ms", "issue_timestamp"}


def reduce(value: Any, known: Mapping[bytes, str], free: frozenset[str], now_ms: int) -> Any:
    """An answer as plain data; `free` fields become "...", byte strings are named if known, sentences are "..."."""
    if hasattr(value, "__slots__"):
        reduced = {}
        for name, _ in fields_of(type(value)):
            item = getattr(value, name)
            if name in DROPPED:
                continue
            if name in MESSAGES:
                item = item and "..."
            if name in free:
                item = "..." if item else item
            if name in TIMES and item > 0:
                item = f"now + {round((item - now_ms) / 3_600_000)} h"
            if name in ISSUED and item > 0:
                item = "now"
            item = reduce(item, known, free, now_ms)
            if isinstance(item, list) and name not in ORDERED:
                item = sorted(item, key=lambda one: json.dumps(one, sort_keys=True))
            reduced[name] = item
        return reduced
    if isinstance(value, list):
        return [reduce(item, known, free, now_ms) for item in value]
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        return known.get(raw, raw.hex() if len(raw) < 16 else f"{len(raw)} bytes")
    return value


def run(
    script: Script,
    ask: Callable[[Step, Any], Any],
    wait: Callable[[int], None],
    free: frozenset[str],
    known: Mapping[bytes, str],
    now_ms: Callable[[], int] = lambda: int(time.time() * 1000),
) -> Answers:
    """The reduced answers, None where the connection was closed."""
    raw: Answers = {}
    reduced: Answers = {}
    for step in script.steps:
        assert step.name not in reduced, step.name
        request = (
            step.request(raw)
            if callable(step.request) and not isinstance(step.request, type)
            else step.request
        )
        answer = ask(step, request)
        raw[step.name] = answer
        reduced[step.name] = None if answer is None else reduce(answer, known, free, now_ms())
        wait(step.then_ms)
    return reduced


class KafkaPlayer:
    """Asks a broker by its address, over one connection per name."""

    def __init__(self, bootstrap: str) -> None:
        host, port = bootstrap.split(":")
        self.address = (host, int(port))
        self.connections: dict[str, socket.socket] = {}

    def ask(self, step: Step, request: Any) -> Any:
        connection = self.connections.get(step.connection)
        if connection is None:
            connection = self.connections[step.connection] = socket.create_connection(
                self.address, timeout=20
            )
        try:
            return admin_script.ask(connection, request, step.version)
        except (ConnectionError, TimeoutError):
            connection.close()
            del self.connections[step.connection]
            return None

    def wait(self, milliseconds: int) -> None:
        time.sleep(max(milliseconds, PAUSE_MS) / 1000)
