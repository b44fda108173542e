"""DescribeTransactions (key 65), version 0: the state of transactional ids; 105 for one that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.transaction import queries
from neuraxis.broker.coordinators.transaction.state import TransactionState as CoordinatorState
from neuraxis.wire.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    TransactionState,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DescribeTransactionsRequest, versions="0", needs="DESCRIBE transactional id; DESCRIBE topic")
def describe_transactions(
    node: Node, call: Call, request: DescribeTransactionsRequest
) -> DescribeTransactionsResponse:
    """Describe each transactional id."""
    return DescribeTransactionsResponse(
        transaction_states=[_describe(node, call, name) for name in request.transactional_ids]
    )


def _describe(node: Node, call: Call, transactional_id: str) -> TransactionState:
    shard = node.transactions.known_shard(transactional_id)
    state = CoordinatorState() if shard is None else shard.read(call)
    return queries.described(state, transactional_id)
