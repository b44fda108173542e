"""The gate of a connection that must log in: which step is next, who came in, and until when. One object per session.

Rule of the file: it changes by `choose`, `admitted` and `restart` alone; whatever it does not know about is not let by.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuraxis.broker.security.exchange import Exchange, Identity
    from neuraxis.broker.work import Now

HANDSHAKE, API_VERSIONS, AUTHENTICATE = 17, 18, 36
SHORTEST_BETWEEN_LOGINS_MS = 1_000
"""Kafka's limit for logging in again: a client that did it faster would only cost time."""


class Stage(Enum):
    """Where a connection stands."""

    STRANGER = auto()
    TALKING = auto()
    RAW = auto()
    INSIDE = auto()


class Gate:
    """State of the login of one connection.

    Attributes:
        stage: a stranger, talking SASL (in frames, or RAW: tokens without headers, after a handshake of version 0), or
            inside. A session that logs in again is TALKING and keeps `identity`.
        exchange: the exchange in progress, or None.
        identity: who is inside, None before the first login.
        ends_ms: the `mono_ms` from which the session must log in again before anything else; None: no end.
    """

    __slots__ = (
        "began_ms",
        "ends_ms",
        "exchange",
        "identity",
        "mechanism",
        "stage",
    )

    def __init__(self) -> None:
        self.stage = Stage.STRANGER
        self.exchange: Exchange | None = None
        self.mechanism = ""
        self.identity: Identity | None = None
        self.ends_ms: int | None = None
        self.began_ms: int | None = None

    def lets(self, api_key: int, now: Now) -> str | None:
        """None when a request of this key may be served now; else what is wrong, for the log."""
        if self.stage is Stage.INSIDE:
            if self.ends_ms is not None and now.mono_ms >= self.ends_ms and api_key != HANDSHAKE:
                return "went on after its session had ended instead of logging in again"
            return None
        if self.stage is Stage.STRANGER:
            allowed = api_key in (HANDSHAKE, API_VERSIONS)
        else:
            allowed = api_key == AUTHENTICATE
        return None if allowed else f"sent a request of key {api_key} before it had logged in"

    def may_choose(self, now: Now) -> bool:
        """Whether a handshake is in order: at the beginning, or inside a session that ends and not at once again."""
        if self.stage is Stage.STRANGER:
            return True
        if self.stage is not Stage.INSIDE or self.ends_ms is None:
            return False
        return self.began_ms is None or now.mono_ms - self.began_ms >= SHORTEST_BETWEEN_LOGINS_MS

    def choose(self, mechanism: str, exchange: Exchange, now: Now, *, raw: bool) -> None:
        """The client chose a mechanism."""
        if self.stage is Stage.INSIDE:
            self.began_ms = now.mono_ms
        self.mechanism, self.exchange = mechanism, exchange
        self.stage = Stage.RAW if raw else Stage.TALKING

    def admitted(self, identity: Identity, lifetime_ms: int, now: Now) -> int:
        """The exchange proved who it is. `lifetime_ms`, and what is returned, is the session's life; 0 is one without end."""
        if identity.ends_ms is not None:
            rest_ms = max(0, identity.ends_ms - now.wall_ms)
            lifetime_ms = min(lifetime_ms, rest_ms) if lifetime_ms else rest_ms
            self.ends_ms = now.mono_ms + lifetime_ms
        else:
            self.ends_ms = now.mono_ms + lifetime_ms if lifetime_ms else None
        self.identity, self.exchange, self.stage = identity, None, Stage.INSIDE
        return lifetime_ms
