"""Partitions join a transaction; and what Produce and TxnOffsetCommit ask of the coordinator before they write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.transaction.connection import spoke
from neuraxis.broker.coordinators.transaction.facts import Metadata, Partition, Phase, TransactionFact
from neuraxis.wire.errors import ErrorCode

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.transaction.commands import AddPartitions
    from neuraxis.broker.coordinators.transaction.state import Note, TransactionState
    from neuraxis.broker.work import Now


def add(state: TransactionState, command: AddPartitions, now: Now) -> Outcome[TransactionFact | Note]:
    """Decide that partitions join; the transaction begins with the first. Raises `StaleConnection`."""
    known = state.transactions.get(command.transactional_id)
    code = _refused(state, known, command.transactional_id, command.producer_id, command.producer_epoch)
    if code or known is None:
        return Outcome(replies=(Reply(command.token, code),))
    notes = spoke(state, command.transactional_id, command.connection)
    ongoing = known.phase is Phase.ONGOING
    present = set(known.partitions) if ongoing else set()
    joining = set(command.partitions) - present
    if ongoing and not joining:
        return Outcome(notes=notes, replies=(Reply(command.token, ErrorCode.NONE),))
    metadata = replace(
        known,
        phase=Phase.ONGOING,
        previous_producer_id=known.producer_id,
        partitions=tuple(sorted(present | joining)),
        start_timestamp_ms=known.start_timestamp_ms if ongoing else now.wall_ms,
        update_timestamp_ms=now.wall_ms,
        client_version=command.client_version,
    )
    fact = TransactionFact(command.transactional_id, metadata)
    return Outcome((fact,), notes, (Reply(command.token, ErrorCode.NONE),))


def verify(
    state: TransactionState,
    transactional_id: str,
    producer_id: int,
    producer_epoch: int,
    partition: Partition,
) -> ErrorCode:
    """Whether the partition is part of the open transaction; TRANSACTION_ABORTABLE if it never joined."""
    known = state.transactions.get(transactional_id)
    code = _refused(state, known, transactional_id, producer_id, producer_epoch)
    if code or known is None:
        return code
    if known.phase is Phase.ONGOING and partition in known.partitions:
        return ErrorCode.NONE
    return ErrorCode.TRANSACTION_ABORTABLE


def _refused(
    state: TransactionState, known: Metadata | None, name: str, producer_id: int, producer_epoch: int
) -> ErrorCode:
    if not name:
        return ErrorCode.INVALID_REQUEST
    if known is None:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if name in state.endings:
        return ErrorCode.CONCURRENT_TRANSACTIONS
    if known.producer_id != producer_id:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if known.producer_epoch != producer_epoch:
        return ErrorCode.PRODUCER_FENCED
    return ErrorCode.NONE
