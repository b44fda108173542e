"""The transaction coordinator as a machine: commands to their rules, facts to their records. The rules are beside it.

`init`, `partitions`, `end` and `expiry` decide; `state.apply` writes; `facts` are what the log keeps; `queries` only read.
What has to happen in partitions between Prepare and Complete is not decided here: `broker/transactions.py` does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuraxis.broker.coordinators.machine import Outcome
from neuraxis.broker.coordinators.transaction import end, expiry, facts, init, partitions, state
from neuraxis.broker.coordinators.transaction.commands import (
    AddPartitions,
    Complete,
    EndTransaction,
    Fence,
    InitProducer,
    Prepare,
)
from neuraxis.broker.coordinators.transaction.facts import TransactionFact
from neuraxis.broker.coordinators.transaction.settings import TransactionSettings
from neuraxis.broker.coordinators.transaction.state import (
    Ending,
    EndingBegun,
    Note,
    Resumed,
    TransactionState,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.coordinators.transaction.settings import Settings
    from neuraxis.broker.work import Now

__all__ = ["TransactionMachine", "TransactionState"]


class TransactionMachine:
    """Transactional ids over one partition of `__transaction_state`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = TransactionSettings.read(settings)

    def configure(self, settings: Settings) -> None:
        """Take changed broker configs into force."""
        self.settings = TransactionSettings.read(settings)

    def new_state(self) -> TransactionState:
        """No transactional ids."""
        return TransactionState()

    def decide(
        self, current: TransactionState, command: Any, now: Now
    ) -> Outcome[TransactionFact | Note]:  # Any: one of `commands`
        """What a command leads to."""
        match command:
            case AddPartitions():
                return partitions.add(current, command, now)
            case EndTransaction():
                return end.end(current, command, now)
            case Prepare():
                return end.prepare(current, command, now)
            case Complete():
                return end.complete(current, command, now)
            case InitProducer():
                return init.init(current, self.settings, command, now)
            case Fence():
                return end.fence(current, command, now)
        raise TypeError(f"{type(command).__name__} is not a command of the transaction coordinator")

    def apply(self, current: TransactionState, fact: TransactionFact | Note, now: Now) -> None:
        """Write one fact or note into the state."""
        state.apply(current, fact, now)

    def resume(self, current: TransactionState, now: Now) -> Outcome[TransactionFact | Note]:
        """After a start: ends that were decided go on; open transactions have their whole time again."""
        notes: list[TransactionFact | Note] = [Resumed(now, now.mono_ms + self.settings.cleanup_interval_ms)]
        for transactional_id, known in current.transactions.items():
            if known.phase.is_prepared:
                notes.append(EndingBegun(Ending(transactional_id, known)))
        return Outcome(notes=tuple(notes))

    def expire(self, current: TransactionState, now: Now) -> Outcome[TransactionFact | Note]:
        """What time alone leads to."""
        return expiry.expire(current, self.settings, now)

    def deadline(self, current: TransactionState) -> int | None:
        """The `mono_ms` at which `expire` could matter."""
        return expiry.deadline(current)

    def encode(self, fact: TransactionFact | Note) -> tuple[bytes, bytes | None]:
        """The record of a fact."""
        assert isinstance(fact, TransactionFact), "notes are never written"
        return facts.encode(fact)

    def decode(self, key: bytes, value: bytes | None) -> TransactionFact | None:
        """The fact of a record."""
        return facts.decode(key, value)

    def facts(self, current: TransactionState) -> Iterator[TransactionFact]:
        """Facts whose fold gives the hard state again."""
        for transactional_id, known in current.transactions.items():
            yield TransactionFact(transactional_id, known)
