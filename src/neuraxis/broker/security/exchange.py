"""What one step of a SASL exchange leads to; the mechanisms of this package are objects with a `step` that answer so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.work import Now, Step


@dataclass(frozen=True, slots=True)
class Identity:
    """Who was proved: the principal's name, and until when the proof holds (Unix ms; None: no end of its own).

    `by_token` says that a delegation token proved it: such a session may not make or see tokens.
    """

    name: str
    ends_ms: int | None = None
    by_token: bool = False


@dataclass(frozen=True, slots=True)
class Challenge:
    """The exchange goes on: the client gets `data`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """The exchange is over and proved `identity`; `data` is the server's last word."""

    identity: Identity
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The exchange failed. `told` is for the client and reveals nothing; `reason` is for our log."""

    told: str
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that takes a while comes first: perform `step`, then call `then` with its result (None: it failed)."""

    step: Step
    then: Callable[[bytes | None, Now], Outcome]


Outcome = Challenge | Accepted | Rejected | Waiting


class Exchange(Protocol):
    """One authentication in progress, seen from the server."""

    def step(self, data: bytes, now: Now) -> Outcome:
        """Take the client's next message."""
        ...


WRONG_CREDENTIALS = "The user name or the password is wrong."
"""One text for an unknown user and for a wrong password: which of the two it was is nobody's business."""
