"""The commands of the transaction coordinator. `token` names the call to be answered; 0 names none.

`connection` numbers the connection of a client that speaks the old protocol, in the order they were opened; None: the epoch
alone decides who may speak (the new protocol has one for each transaction).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.transaction.facts import Partition


@dataclass(frozen=True, slots=True)
class InitProducer:
    """Begin to write under a transactional id: fences whoever did so before.

    Attributes:
        expected: (producer id, epoch) of a producer that goes on after an error; None: a producer that begins.
        fresh_producer_id: a producer id nobody has, where `needs_producer_id` says that one may be needed.
    """

    token: int
    api_version: int
    transactional_id: str
    timeout_ms: int
    expected: tuple[int, int] | None
    connection: int
    fresh_producer_id: int | None = None


@dataclass(frozen=True, slots=True)
class AddPartitions:
    """Partitions join the transaction, which begins with the first. The answer is an error code."""

    token: int
    transactional_id: str
    producer_id: int
    producer_epoch: int
    partitions: tuple[Partition, ...]
    client_version: int
    connection: int | None = None


@dataclass(frozen=True, slots=True)
class EndTransaction:
    """Commit or abort. The answer comes after `Complete`, unless there is nothing to end."""

    token: int
    api_version: int
    transactional_id: str
    producer_id: int
    producer_epoch: int
    commit: bool
    connection: int | None = None
    fresh_producer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Prepare:
    """Write down how the transaction ends: from here on it ends that way."""

    transactional_id: str
    token: int = 0


@dataclass(frozen=True, slots=True)
class Complete:
    """All markers are written: the transaction is over."""

    transactional_id: str
    token: int = 0


@dataclass(frozen=True, slots=True)
class Fence:
    """A power cut may have taken records of a transaction: abort it, and let its producer begin anew.

    `ongoing_only`: leave producers alone that have no transaction open.
    """

    transactional_id: str
    ongoing_only: bool
    token: int = 0


Command = InitProducer | AddPartitions | EndTransaction | Prepare | Complete | Fence
