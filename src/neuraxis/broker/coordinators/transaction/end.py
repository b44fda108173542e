"""How a transaction ends: EndTxn in both protocols, then Prepare, then (the markers are written) Complete.

Rule of the file: between the first decision and Complete the transaction is in `endings`, and nobody else may touch it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.transaction.connection import spoke
from neuraxis.broker.coordinators.transaction.facts import (
    LARGEST_EPOCH,
    NO_PRODUCER_ID,
    Metadata,
    Phase,
    TransactionFact,
)
from neuraxis.broker.coordinators.transaction.state import Ending, EndingBegun, EpochFollows, Note
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.end_txn import EndTxnResponse

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.transaction.commands import Complete, EndTransaction, Fence, Prepare
    from neuraxis.broker.coordinators.transaction.state import TransactionState
    from neuraxis.broker.work import Now

EPOCHS_FROM = 5
"""EndTxn from this version on is the new protocol: each transaction has its epoch, and the answer tells the next one."""
FENCED_FROM = 2
"""EndTxn says PRODUCER_FENCED from this version on; older clients understand INVALID_PRODUCER_EPOCH."""
EPOCH_VERSION = 2
"""The transaction version (`transaction.version`) of the new protocol."""


def needs_producer_id(state: TransactionState, transactional_id: str) -> bool:
    """Whether EndTxn of the new protocol may need a producer id that nobody has."""
    metadata = state.transactions.get(transactional_id)
    return metadata is not None and metadata.is_exhausted


def end(state: TransactionState, command: EndTransaction, now: Now) -> Outcome[TransactionFact | Note]:
    """Decide an EndTxn. Raises `StaleConnection`."""
    known = state.transactions.get(command.transactional_id)
    if known is None:
        return _refuse(command, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if command.api_version >= EPOCHS_FROM:
        return _end_with_epochs(state, known, command, now)
    return _end_by_state(state, known, command, now)


def _end_by_state(
    state: TransactionState, known: Metadata, command: EndTransaction, now: Now
) -> Outcome[TransactionFact | Note]:
    """The old protocol."""
    if known.producer_id != command.producer_id:
        return _refuse(command, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if known.producer_epoch != command.producer_epoch:
        return _refuse(command, ErrorCode.PRODUCER_FENCED)
    notes = spoke(state, command.transactional_id, command.connection)
    if command.transactional_id in state.endings:
        code = ErrorCode.CONCURRENT_TRANSACTIONS
    elif known.phase is Phase.ONGOING:
        prepared = _prepared(known, now, commit=command.commit, version=0)
        ending = Ending(command.transactional_id, prepared, (command.token, EndTxnResponse()))
        return Outcome(notes=(*notes, EndingBegun(ending)))
    elif known.phase is _complete(commit=command.commit):
        code = ErrorCode.NONE  # a retry whose first answer was lost
    else:
        code = ErrorCode.INVALID_TXN_STATE
    return Outcome(notes=notes, replies=(Reply(command.token, EndTxnResponse(error_code=code)),))


def _end_with_epochs(
    state: TransactionState, known: Metadata, command: EndTransaction, now: Now
) -> Outcome[TransactionFact | Note]:
    """The new protocol (KIP-890): the epoch rises with each transaction, so a retry cannot be taken for the next end."""
    if command.transactional_id in state.endings:
        return _refuse(command, ErrorCode.CONCURRENT_TRANSACTIONS)
    had_epochs = known.client_version >= EPOCH_VERSION
    overflowed = (
        had_epochs
        and known.previous_producer_id == command.producer_id
        and command.producer_epoch == LARGEST_EPOCH - 1
        and known.producer_epoch == 0
    )
    if known.producer_id != command.producer_id and not overflowed:
        return _refuse(command, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    is_over = known.phase in (Phase.COMPLETE_COMMIT, Phase.COMPLETE_ABORT)
    retried = is_over and (overflowed or (had_epochs and known.producer_epoch == command.producer_epoch + 1))
    if not retried and (known.producer_epoch != command.producer_epoch or overflowed):
        return _refuse(command, ErrorCode.PRODUCER_FENCED)
    if retried:
        if known.phase is not _complete(commit=command.commit):
            return _refuse(command, ErrorCode.INVALID_TXN_STATE)
        answer = EndTxnResponse(producer_id=known.producer_id, producer_epoch=known.producer_epoch)
        return Outcome(replies=(Reply(command.token, answer),))
    if known.phase is not Phase.ONGOING and command.commit:
        return _refuse(command, ErrorCode.INVALID_TXN_STATE)
    prepared = _prepared(known, now, commit=command.commit, version=EPOCH_VERSION)
    if known.is_exhausted:
        assert command.fresh_producer_id is not None, (
            "whoever runs this command asks `needs_producer_id` first"
        )
        prepared = replace(prepared, next_producer_id=command.fresh_producer_id)
    over = completed(prepared, now)
    answer = EndTxnResponse(producer_id=over.producer_id, producer_epoch=over.producer_epoch)
    ending = Ending(command.transactional_id, prepared, (command.token, answer))
    last = EpochFollows(command.transactional_id, known.producer_epoch)
    return Outcome(notes=(last, EndingBegun(ending)))


def prepare(state: TransactionState, command: Prepare, now: Now) -> Outcome[TransactionFact | Note]:
    """Write down how the transaction ends."""
    ending = state.endings[command.transactional_id]
    metadata = replace(ending.prepared, update_timestamp_ms=now.wall_ms)
    return Outcome((TransactionFact(command.transactional_id, metadata),))


def complete(state: TransactionState, command: Complete, now: Now) -> Outcome[TransactionFact | Note]:
    """Write down that the transaction is over. Whoever ended it is answered by whom this is written for."""
    ending = state.endings[command.transactional_id]
    metadata = completed(state.transactions[command.transactional_id], now)
    if ending.fence:
        metadata = _fenced(metadata, now)
    return Outcome((TransactionFact(command.transactional_id, metadata),))


def fence(state: TransactionState, command: Fence, now: Now) -> Outcome[TransactionFact | Note]:
    """Let the producer of this id begin anew; its open transaction is aborted, a decided end goes on."""
    name = command.transactional_id
    known = state.transactions[name]
    if known.phase is Phase.ONGOING:
        return Outcome(notes=(EndingBegun(Ending(name, aborted_for(known, now))),))
    if command.ongoing_only:
        return Outcome()
    if name in state.endings:
        return Outcome(notes=(EndingBegun(replace(state.endings[name], fence=True)),))
    return Outcome((TransactionFact(name, _fenced(known, now)),))


def _fenced(known: Metadata, now: Now) -> Metadata:
    """A new epoch that nobody has. How the last transaction ended is forgotten: its end must not answer for another one's."""
    epoch = min(known.producer_epoch + 1, LARGEST_EPOCH)
    return replace(known, producer_epoch=epoch, phase=Phase.EMPTY, update_timestamp_ms=now.wall_ms)


def aborted_for(known: Metadata, now: Now) -> Metadata:
    """The end of an open transaction that the coordinator aborts: the epoch rises, so its producer is fenced."""
    return _prepared(known, now, commit=False, version=EPOCH_VERSION)


def _prepared(known: Metadata, now: Now, *, commit: bool, version: int) -> Metadata:
    """The decided end. The new protocol may abort what never began: that counts as having begun now."""
    raised = known.producer_epoch + 1 if version >= EPOCH_VERSION else known.producer_epoch
    assert raised <= LARGEST_EPOCH, known
    ongoing = known.phase is Phase.ONGOING
    return replace(
        known,
        phase=Phase.PREPARE_COMMIT if commit else Phase.PREPARE_ABORT,
        producer_epoch=raised,
        previous_producer_id=known.producer_id,
        next_producer_id=NO_PRODUCER_ID,
        partitions=known.partitions if ongoing else (),
        start_timestamp_ms=known.start_timestamp_ms if ongoing else now.wall_ms,
        update_timestamp_ms=now.wall_ms,
        client_version=version,
    )


def completed(prepared: Metadata, now: Now) -> Metadata:
    """What follows from a decided end when all markers are written."""
    phase = Phase.COMPLETE_COMMIT if prepared.phase is Phase.PREPARE_COMMIT else Phase.COMPLETE_ABORT
    over = replace(
        prepared,
        phase=phase,
        partitions=(),
        previous_producer_id=prepared.producer_id,
        next_producer_id=NO_PRODUCER_ID,
        update_timestamp_ms=now.wall_ms,
    )
    if prepared.next_producer_id != NO_PRODUCER_ID:
        over = replace(over, producer_id=prepared.next_producer_id, producer_epoch=0)
    return over


def _complete(*, commit: bool) -> Phase:
    return Phase.COMPLETE_COMMIT if commit else Phase.COMPLETE_ABORT


def _refuse(command: EndTransaction, code: ErrorCode) -> Outcome[TransactionFact | Note]:
    if code is ErrorCode.PRODUCER_FENCED and command.api_version < FENCED_FROM:
        code = ErrorCode.INVALID_PRODUCER_EPOCH
    return Outcome(replies=(Reply(command.token, EndTxnResponse(error_code=code)),))
