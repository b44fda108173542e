"""One connection's state: who is there, which calls are open, and which bytes are ready to leave, in order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.metrics.counters import Software

if TYPE_CHECKING:
    from neuraxis.broker.call import Call
    from neuraxis.broker.parking import Timer
    from neuraxis.broker.security.gate import Gate
    from neuraxis.wire.codec import Span

MAX_UNANSWERED = 64
"""Calls a connection may have open before reading stops: enough for any client's pipeline."""

MAX_OUTPUT_BYTES = 16 * 1024 * 1024
"""Encoded reply bytes that may wait for a slow reader before reading stops. File ranges hold no memory."""

MAX_OUTPUT_PARTS = 4096
"""Parts of replies that may wait: a range costs little memory, a million of them do."""

ANONYMOUS = "User:ANONYMOUS"


@dataclass(slots=True, eq=False)
class Session:
    """State of one connection. Owned by the core; the shell reads `output`, `closing` and `wants_input`.

    `apis` is the last version used of each key, `last_seen_ms` the wall clock at the newest request. `principal` is
    `Type:name`; `by_token` says that a delegation token proved it. `gate` is None where nobody has to log in;
    `frame_limit` is the largest frame taken now: small until then. `muted` ends the time that a quota was passed for.
    """

    id: int
    listener: str
    host: str
    port: int
    principal: str = ANONYMOUS
    by_token: bool = False
    gate: Gate | None = None
    frame_limit: int = 0
    client_id: str | None = None
    software_name: str = ""
    software_version: str = ""
    apis: dict[int, int] = field(default_factory=dict)
    last_seen_ms: int = 0
    pending: deque[Call] = field(default_factory=deque)
    output: deque[bytes | bytearray | memoryview | Span] = field(default_factory=deque)
    output_bytes: int = 0
    holding: Call | None = None
    closing: str | None = None
    listed: bool = False
    software: Software = field(default_factory=Software)
    muted: Timer | None = None

    @property
    def wants_input(self) -> bool:
        """Whether another frame may be given to the core now."""
        return (
            self.holding is None
            and self.closing is None
            and self.muted is None
            and len(self.pending) < MAX_UNANSWERED
            and self.output_bytes < MAX_OUTPUT_BYTES
            and len(self.output) < MAX_OUTPUT_PARTS
        )

    def describe(self) -> str:
        """The peer in words, for the log."""
        software = f"{self.software_name} {self.software_version}".strip() or "unknown software"
        return f"{self.host}:{self.port} ({self.principal}, client id {self.client_id!r}, {software})"


def release_parts(parts: object) -> None:
    """Let go of the file ranges among the parts of an answer that will not leave; one not encoded yet holds none to keep."""
    for part in parts if isinstance(parts, list | tuple | deque) else ():
        release = getattr(part, "release", None)
        if release is not None and not isinstance(part, memoryview):
            release()
