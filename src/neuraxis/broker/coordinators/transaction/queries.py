"""What is read of transactions: DescribeTransactions, ListTransactions. Rule of the file: nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.transaction.facts import Phase
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import describe_transactions, list_transactions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from neuraxis.broker.coordinators.transaction.state import TransactionState
    from neuraxis.broker.work import Now

PHASES = {phase.title: phase for phase in Phase}
"""Kafka's names of the states."""


def described(state: TransactionState, transactional_id: str) -> describe_transactions.TransactionState:
    """A transactional id as DescribeTransactions shows it; 105 when there is none."""
    known = state.transactions.get(transactional_id)
    if known is None or not transactional_id:
        code = ErrorCode.TRANSACTIONAL_ID_NOT_FOUND if transactional_id else ErrorCode.INVALID_REQUEST
        return describe_transactions.TransactionState(error_code=code, transactional_id=transactional_id)
    by_topic: dict[str, list[int]] = {}
    for topic, partition in known.partitions:
        by_topic.setdefault(topic, []).append(partition)
    return describe_transactions.TransactionState(
        transactional_id=transactional_id,
        transaction_state=known.phase.title,
        transaction_timeout_ms=known.timeout_ms,
        transaction_start_time_ms=known.start_timestamp_ms,
        producer_id=known.producer_id,
        producer_epoch=known.producer_epoch,
        topics=[describe_transactions.TopicData(topic, numbers) for topic, numbers in by_topic.items()],
    )


def listed(
    state: TransactionState,
    phases: Collection[Phase],
    producer_ids: Collection[int],
    longer_than_ms: int,
    fits: Callable[[str], bool],
    now: Now,
) -> Iterator[list_transactions.TransactionState]:
    """The transactional ids that pass every filter; an empty one lets all pass, as does a duration below zero.

    An id without a transaction counts as having begun at the beginning of time, as in Kafka.
    """
    for transactional_id, known in state.transactions.items():
        if phases and known.phase not in phases:
            continue
        if producer_ids and known.producer_id not in producer_ids:
            continue
        if longer_than_ms >= 0 and now.wall_ms - known.start_timestamp_ms <= longer_than_ms:
            continue
        if not fits(transactional_id):
            continue
        yield list_transactions.TransactionState(transactional_id, known.producer_id, known.phase.title)
