"""What time does to transactions: open ones are aborted when they are too old, ids nobody uses are forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.machine import Outcome
from neuraxis.broker.coordinators.transaction.end import aborted_for
from neuraxis.broker.coordinators.transaction.facts import Phase, TransactionFact
from neuraxis.broker.coordinators.transaction.settings import CLEANUP_IDS, MAX_CLOCK_STEP_MS, MAX_DUE
from neuraxis.broker.coordinators.transaction.state import (
    CleanupAdvanced,
    Ending,
    EndingBegun,
    EpochFollows,
    Note,
    due,
    next_deadline,
)

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.transaction.settings import TransactionSettings
    from neuraxis.broker.coordinators.transaction.state import TransactionState
    from neuraxis.broker.work import Now


def expire(
    state: TransactionState, settings: TransactionSettings, now: Now
) -> Outcome[TransactionFact | Note]:
    """Abort what is too old, forget what is unused."""
    notes: list[TransactionFact | Note] = []
    for transactional_id in due(state, now.mono_ms, MAX_DUE):
        known = state.transactions[transactional_id]
        notes.append(EpochFollows(transactional_id, known.producer_epoch))
        notes.append(EndingBegun(Ending(transactional_id, aborted_for(known, now))))
    records: list[TransactionFact | Note] = []
    if state.cleanup_at_ms is not None and state.cleanup_at_ms <= now.mono_ms:
        looked_at, queue = state.cleanup_queue[-CLEANUP_IDS:], None
        if not looked_at:
            whole = tuple(state.transactions)
            looked_at, queue = list(whole[-CLEANUP_IDS:]), whole
        records += [
            TransactionFact(name, None) for name in looked_at if _is_unused(state, settings, name, now)
        ]
        left = len(state.cleanup_queue if queue is None else queue) - len(looked_at)
        following = now.mono_ms + (1 if left else settings.cleanup_interval_ms)
        notes.append(CleanupAdvanced(following, len(looked_at), queue))
    return Outcome(tuple(records), tuple(notes))


def deadline(state: TransactionState) -> int | None:
    """The `mono_ms` at which `expire` could matter."""
    first = next_deadline(state)
    cleanup = state.cleanup_at_ms
    if first is None or (cleanup is not None and cleanup < first):
        return cleanup
    return first


def _is_unused(state: TransactionState, settings: TransactionSettings, name: str, now: Now) -> bool:
    known, started = state.transactions.get(name), state.started
    if known is None or name in state.endings or started is None:
        return False
    drift = (now.wall_ms - started.wall_ms) - (now.mono_ms - started.mono_ms)
    if abs(drift) > MAX_CLOCK_STEP_MS:
        return False
    if known.phase not in (Phase.EMPTY, Phase.COMPLETE_COMMIT, Phase.COMPLETE_ABORT):
        return False
    return known.update_timestamp_ms + settings.expiration_ms <= now.wall_ms
