"""AddPartitionsToTxn (key 24), versions 0-5: partitions join a transaction, which begins with the first of them.

v2 90 PRODUCER_FENCED (before: 47), v4 several transactions in one request, and those that only ask (`verify_only`): 120 for a
partition that has not joined. Clients use v0-3 alone. If one partition does not exist, the others are not attempted (55).
In v0-3 only the newest connection that spoke for the transactional id is heard; an older one is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import CLOSE, Call, Handled, handles
from neuraxis.broker.coordinators.transaction.connection import StaleConnection
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult,
    AddPartitionsToTxnTopic,
    AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.node import Node

FENCED_FROM = 2
BATCHED_FROM = 4
OLD, NEW = 0, 2
"""Which protocol a transaction belongs to, as `transaction.version` numbers them."""


@handles(
    AddPartitionsToTxnRequest, versions="0-5", needs="WRITE transactional id; WRITE topic; v4+ CLUSTER_ACTION"
)
def add_partitions_to_txn(node: Node, call: Call, request: AddPartitionsToTxnRequest) -> Handled:
    """Let the partitions join; answer each."""
    call.saw(node.catalogue.ticket)
    if call.api_version >= BATCHED_FROM:
        results = [
            AddPartitionsToTxnResult(each.transactional_id, _transaction(node, call, each))
            for each in request.transactions
        ]
        return AddPartitionsToTxnResponse(results_by_transaction=results)
    asked = AddPartitionsToTxnTransaction(
        request.v3_and_below_transactional_id,
        request.v3_and_below_producer_id,
        request.v3_and_below_producer_epoch,
        False,
        request.v3_and_below_topics,
    )
    try:
        topics = _transaction(node, call, asked)
    except StaleConnection:
        return CLOSE
    return AddPartitionsToTxnResponse(results_by_topic_v3_and_below=topics)


def _transaction(
    node: Node, call: Call, asked: AddPartitionsToTxnTransaction
) -> list[AddPartitionsToTxnTopicResult]:
    producer = asked.producer_id, asked.producer_epoch
    named = [(topic.name, index) for topic in asked.topics for index in topic.partitions]
    missing = {each for each in named if node.partition(*each) is None}
    if missing:
        unknown, others = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.OPERATION_NOT_ATTEMPTED
        return _results(asked.topics, lambda each: unknown if each in missing else others)
    if asked.verify_only:
        verify = node.transactions.verify
        return _results(asked.topics, lambda each: verify(call, asked.transactional_id, producer, each))
    old = call.api_version < BATCHED_FROM
    code = node.transactions.add(
        call,
        asked.transactional_id,
        producer,
        named,
        OLD if old else NEW,
        call.session.id if old else None,
    )
    if code is ErrorCode.PRODUCER_FENCED and call.api_version < FENCED_FROM:
        code = ErrorCode.INVALID_PRODUCER_EPOCH
    return _results(asked.topics, lambda each: code)


def _results(
    topics: list[AddPartitionsToTxnTopic], code_of: Callable[[tuple[str, int]], ErrorCode]
) -> list[AddPartitionsToTxnTopicResult]:
    return [
        AddPartitionsToTxnTopicResult(
            topic.name,
            [
                AddPartitionsToTxnPartitionResult(index, code_of((topic.name, index)))
                for index in topic.partitions
            ],
        )
        for topic in topics
    ]
