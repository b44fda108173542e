"""The state of the transaction coordinator. Hard: `transactions`, exactly the fold of the facts. Everything else is soft.

Rule of the file: nothing here decides or refuses.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neuraxis.broker.coordinators.transaction.facts import NO_EPOCH, Metadata, Phase, TransactionFact

if TYPE_CHECKING:
    from neuraxis.broker.work import Now


@dataclass(frozen=True, slots=True)
class Ending:
    """A transaction that is being ended: what will be written, and who is told when it is done.

    `reply`: the token of the call that waits, and its answer. `fence`: the epoch rises once more at the end, for what a
    power cut may have taken after it.
    """

    transactional_id: str
    prepared: Metadata
    reply: tuple[int, Any] | None = None  # Any: a response object of the wire
    fence: bool = False


@dataclass(frozen=True, slots=True)
class EndingBegun:
    """A note: from now until `Complete`, others are told that a transaction is being ended (51)."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Spoke:
    """A note: this connection is the newest that spoke for the transactional id, and was believed."""

    transactional_id: str
    connection: int


@dataclass(frozen=True, slots=True)
class EpochFollows:
    """A note: the producer had this epoch before its present one; a retry with it is answered, not fenced."""

    transactional_id: str
    last_epoch: int


@dataclass(frozen=True, slots=True)
class CleanupAdvanced:
    """A note: `looked_at` ids of the clean-up's queue were looked at; it goes on at `at_ms` (monotonic).

    `queue` is a new queue, of a clean-up that just began.
    """

    at_ms: int
    looked_at: int
    queue: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Resumed:
    """A note: the coordinator began to serve."""

    now: Now
    cleanup_at_ms: int


Note = EndingBegun | Spoke | EpochFollows | CleanupAdvanced | Resumed


@dataclass(slots=True)
class TransactionState:
    """All transactional ids of one coordinator.

    Attributes:
        transactions: by transactional id.
        owners: which transactional id has a producer id.
        endings: transactions that are being ended, in the order they began to be.
        connections: the newest connection that spoke for an id.
        last_epochs: see `EpochFollows`.
        deadlines: when (monotonic) an open transaction is aborted.
        heap: entries (deadline, order, id), live and stale.
        cleanup_at_ms: when ids are next looked at for expiry; None before `resume`.
    """

    transactions: dict[str, Metadata] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    endings: dict[str, Ending] = field(default_factory=dict)
    connections: dict[str, int] = field(default_factory=dict)
    last_epochs: dict[str, int] = field(default_factory=dict)
    deadlines: dict[str, int] = field(default_factory=dict)
    heap: list[tuple[int, int, str]] = field(default_factory=list)
    sequence: int = 0
    swept_size: int = 1_024
    cleanup_at_ms: int | None = None
    cleanup_queue: list[str] = field(default_factory=list)
    started: Now | None = None


def apply(state: TransactionState, fact: TransactionFact | Note, now: Now) -> None:
    """Write one fact or note into the state."""
    if isinstance(fact, TransactionFact):
        _apply_metadata(state, fact.transactional_id, fact.metadata, now)
    elif isinstance(fact, EndingBegun):
        state.endings[fact.ending.transactional_id] = fact.ending
        state.deadlines.pop(fact.ending.transactional_id, None)
    elif isinstance(fact, Spoke):
        state.connections[fact.transactional_id] = fact.connection
    elif isinstance(fact, EpochFollows):
        state.last_epochs[fact.transactional_id] = fact.last_epoch
    elif isinstance(fact, CleanupAdvanced):
        state.cleanup_at_ms = fact.at_ms
        if fact.queue is not None:
            state.cleanup_queue = list(fact.queue)
        del state.cleanup_queue[len(state.cleanup_queue) - fact.looked_at :]
    else:
        state.started = fact.now
        state.cleanup_at_ms = fact.cleanup_at_ms


def _apply_metadata(
    state: TransactionState, transactional_id: str, metadata: Metadata | None, now: Now
) -> None:
    known = state.transactions.get(transactional_id)
    if known is not None and (metadata is None or metadata.producer_id != known.producer_id):
        state.owners.pop(known.producer_id, None)
    if metadata is None:
        state.transactions.pop(transactional_id, None)
        state.connections.pop(transactional_id, None)
        state.last_epochs.pop(transactional_id, None)
        return
    state.transactions[transactional_id] = metadata
    state.owners[metadata.producer_id] = transactional_id
    if metadata.phase is Phase.ONGOING:
        if known is None or known.phase is not Phase.ONGOING:
            _set_deadline(state, transactional_id, now.mono_ms + metadata.timeout_ms)
        return
    state.deadlines.pop(transactional_id, None)
    if not metadata.phase.is_prepared:
        state.endings.pop(transactional_id, None)


def _set_deadline(state: TransactionState, transactional_id: str, due_ms: int) -> None:
    state.deadlines[transactional_id] = due_ms
    state.sequence += 1
    heapq.heappush(state.heap, (due_ms, state.sequence, transactional_id))
    if len(state.heap) > state.swept_size:
        # Ended transactions leave stale entries behind; sweeping at each doubling keeps the cost of each one constant.
        state.heap = [entry for entry in state.heap if state.deadlines.get(entry[2]) == entry[0]]
        heapq.heapify(state.heap)
        state.swept_size = max(1_024, 2 * len(state.heap))


def next_deadline(state: TransactionState) -> int | None:
    """The first deadline of an open transaction."""
    # Stale entries at the top are dropped here: they say nothing, so this changes nothing that anyone can see.
    heap = state.heap
    while heap and state.deadlines.get(heap[0][2]) != heap[0][0]:
        heapq.heappop(heap)
    return heap[0][0] if heap else None


def due(state: TransactionState, now_ms: int, limit: int) -> list[str]:
    """The ids of at most `limit` transactions whose time is up, the oldest first."""
    found = [
        (due_ms, order, transactional_id)
        for due_ms, order, transactional_id in state.heap
        if due_ms <= now_ms and state.deadlines.get(transactional_id) == due_ms
    ]
    return [transactional_id for _, _, transactional_id in heapq.nsmallest(limit, found)]


def last_epoch(state: TransactionState, transactional_id: str) -> int:
    """The epoch before the present one, if a retry with it may be answered; -1: it may not."""
    return state.last_epochs.get(transactional_id, NO_EPOCH)
