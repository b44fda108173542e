"""Who speaks to this broker: each client by principal, id, software and host, the API versions it uses, its refusals.

Rule of the file: whatever clients do, what is remembered of them stays small: so many of them, so many characters each.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.session import Session

MAX_CLIENTS = 1000
"""Clients remembered after they left, or were refused: an organisation's applications, not every process it ever started."""
MAX_REFUSALS = 5
"""Refusals shown of one client; a client in a loop says the same each time."""
MAX_CHARACTERS = 200
"""Characters kept of a name or a reason."""


class Identity(NamedTuple):
    """What makes two connections the same client to us. Software is "" for clients older than KIP-511."""

    principal: str
    client_id: str | None
    software_name: str
    software_version: str
    host: str


class Refusal(NamedTuple):
    """When (Unix milliseconds) and why a connection was closed."""

    time_ms: int
    reason: str


@dataclass(slots=True)
class Client:
    """One client. `apis` is the last version it used of each key."""

    connections: int = 0
    last_seen_ms: int = 0
    apis: dict[int, int] = field(default_factory=dict)
    refused: int = 0
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=MAX_REFUSALS))


class Clients:
    """The clients that left or were refused, the latest at the end; `now` adds those that are connected."""

    def __init__(self) -> None:
        self._known: dict[Identity, Client] = {}

    def left(self, session: Session) -> None:
        """A connection has ended: remember what it was."""
        if session.apis:
            self._remember(session)

    def refused(self, session: Session, reason: str) -> None:
        """A connection is closed because the peer did what cannot be answered ("it `reason`")."""
        client = self._remember(session)
        client.refused += 1
        client.refusals.append(Refusal(session.last_seen_ms, _shortened(reason)))

    def now(self, sessions: Iterable[Session]) -> dict[Identity, Client]:
        """Every client known, those connected (the sessions) first."""
        found: dict[Identity, Client] = {}
        for session in sessions:
            if session.closing is None:
                client = found.setdefault(identity(session), Client())
                client.connections += 1
                _add(client, session)
        for who, known in self._known.items():
            client = found.setdefault(who, Client())
            client.last_seen_ms = max(client.last_seen_ms, known.last_seen_ms)
            client.apis = {**known.apis, **client.apis}
            client.refused, client.refusals = known.refused, known.refusals.copy()
        return found

    def _remember(self, session: Session) -> Client:
        who = identity(session)
        client = self._known.pop(who, None) or Client()
        self._known[who] = client
        _add(client, session)
        if len(self._known) > MAX_CLIENTS:
            del self._known[next(iter(self._known))]
        return client


def identity(session: Session) -> Identity:
    """Who a session is."""
    return Identity(
        session.principal,
        None if session.client_id is None else _shortened(session.client_id),
        _shortened(session.software_name),
        _shortened(session.software_version),
        session.host,
    )


def _add(client: Client, session: Session) -> None:
    client.last_seen_ms = max(client.last_seen_ms, session.last_seen_ms)
    client.apis.update(session.apis)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 3] + "..."
