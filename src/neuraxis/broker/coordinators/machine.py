"""What a coordinator is: `decide` reads, `apply` writes, `deadline` says when time matters. Rule: no I/O, no clock, no luck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.work import Now

F = TypeVar("F")
S = TypeVar("S")


class Reply(NamedTuple):
    """An answer to the call with this token; the token names a call of this broker, parked or current."""

    token: int
    body: Any  # Any: the response object of the API that the call asked


@dataclass(frozen=True, slots=True)
class Outcome(Generic[F]):
    """What a command leads to.

    Attributes:
        records: durable facts, written as one batch (whole or absent after a crash), then applied.
        notes: volatile facts, applied and never written (a session seen, a join parked).
        replies: answers; each leaves when everything it could have seen is durable.
        transaction: (producer id, epoch) if the records belong to a transaction: they are applied when it commits.
    """

    records: tuple[F, ...] = ()
    notes: tuple[F, ...] = ()
    replies: tuple[Reply, ...] = ()
    transaction: tuple[int, int] | None = None


class Machine(Protocol[S, F]):
    """A coordinator as data and functions. `Command` types belong to the machine; each carries its call token."""

    def new_state(self) -> S:
        """The state before any fact."""
        ...

    def decide(self, state: S, command: Any, now: Now) -> Outcome[F]:  # Any: the machine's own commands
        """Read the state, say what follows. Never writes; raises `Refused` to refuse the command."""
        ...

    def apply(self, state: S, fact: F, now: Now) -> None:
        """Write the fact into the state. Never refuses, touches only the fact's own key."""
        ...

    def resume(self, state: S, now: Now) -> Outcome[F]:
        """What follows from a start, when the whole log is folded: sessions begin anew, for one."""
        ...

    def expire(self, state: S, now: Now) -> Outcome[F]:
        """What time alone leads to; called when `deadline` is due. Must move `deadline` forward."""
        ...

    def deadline(self, state: S) -> int | None:
        """The `mono_ms` at which `expire` could matter, without scanning the state."""
        ...

    def encode(self, fact: F) -> tuple[bytes, bytes | None]:
        """Key and value of the record that keeps the fact; a value of None is a tombstone."""
        ...

    def decode(self, key: bytes, value: bytes | None) -> F | None:
        """The fact of a record, or None for a record kind this machine leaves alone."""
        ...

    def facts(self, state: S) -> Iterable[F]:
        """Facts whose fold gives the hard part of `state` again: what a snapshot holds."""
        ...
