"""The audit log as data: one event for each decision that counts, in a queue that the shell empties. No file is here.

The rule of the file: who decides never waits. A full queue drops events, and the log names how many.
"""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.wire.messages import API_NAMES

if TYPE_CHECKING:
    from neuraxis.broker.call import Call
    from neuraxis.broker.config_table import BrokerSettings

MAX_WAITING = 20_000
"""Events that may wait for the disk: some 20 MB at most, and a second of a broker that refuses 20,000 things in it."""
MAX_TEXT = 256
"""Characters of a name or client id that are kept: a request may hold 32 kB of each. Topics have at most 249."""

OPERATIONS = {
    2: "ALL",
    3: "READ",
    4: "WRITE",
    5: "CREATE",
    6: "DELETE",
    7: "ALTER",
    8: "DESCRIBE",
    9: "CLUSTER_ACTION",
    10: "DESCRIBE_CONFIGS",
    11: "ALTER_CONFIGS",
    12: "IDEMPOTENT_WRITE",
    13: "CREATE_TOKENS",
    14: "DESCRIBE_TOKENS",
    15: "TWO_PHASE_COMMIT",
}
RESOURCES = {
    2: "TOPIC",
    3: "GROUP",
    4: "CLUSTER",
    5: "TRANSACTIONAL_ID",
    6: "DELEGATION_TOKEN",
    7: "USER",
}
"""Kafka's words for its numbers."""


class Event(NamedTuple):
    """One decision."""

    wall_ms: int
    principal: str
    host: str
    listener: str
    client_id: str | None
    api_key: int
    operation: int
    kind: int
    name: str
    allowed: bool


class Audit:
    """The events that wait to be written.

    Args:
        everything: also what was allowed; else only what was denied.

    Attributes:
        dropped: events that had no room, since the start.
    """

    def __init__(self, *, everything: bool = False) -> None:
        self.everything = everything
        self.waiting: deque[Event] = deque()
        self.dropped = 0

    def decided(self, call: Call, operation: int, kind: int, name: str, *, allowed: bool) -> None:
        """Remember a decision, unless it is not to be logged."""
        if allowed and not self.everything:
            return
        if len(self.waiting) >= MAX_WAITING:
            self.dropped += 1
            return
        session = call.session
        client_id = call.client_id and call.client_id[:MAX_TEXT]
        who = (session.principal, session.host, session.listener, client_id)
        what = (call.api_key, operation, kind, name[:MAX_TEXT])
        self.waiting.append(Event(call.now.wall_ms, *who, *what, allowed))

    def take(self) -> list[Event]:
        """The events that wait; they wait no longer. May be called by another thread than the one that decides."""
        events = []
        waiting = self.waiting
        while waiting:
            events.append(waiting.popleft())
        return events


def line(event: Event) -> str:
    """The event as one line of JSON, with its newline."""
    return _line(
        {
            "time": _time(event.wall_ms),
            "principal": event.principal,
            "host": event.host,
            "listener": event.listener,
            "client_id": event.client_id,
            "api": API_NAMES.get(event.api_key, str(event.api_key)),
            "operation": OPERATIONS.get(event.operation, str(event.operation)),
            "resource_type": RESOURCES.get(event.kind, str(event.kind)),
            "resource_name": event.name,
            "decision": "allowed" if event.allowed else "denied",
        }
    )


def dropped_line(wall_ms: int, count: int) -> str:
    """What stands in the log for events that had no room in the queue."""
    return _line({"time": _time(wall_ms), "dropped": count})


def _time(wall_ms: int) -> str:
    moment = datetime.fromtimestamp(wall_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(fields: dict[str, object]) -> str:
    # Escaped to ASCII: names may hold lone surrogates and line separators, and a line must stay one line.
    return json.dumps(fields) + "\n"


def make_audit(settings: BrokerSettings) -> Audit | None:
    """The audit log that the settings ask for, if any."""
    if not settings.string("neuraxis.audit.log.path"):
        return None
    return Audit(everything=settings.string("neuraxis.audit.log.events") == "all")
