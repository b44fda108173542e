"""AddOffsetsToTxn (key 25), versions 0-4: a transaction is going to commit positions of a group.

The partition where the group keeps them joins the transaction. v2 90 PRODUCER_FENCED (before: 47). Only the newest connection
that spoke for the transactional id is heard; an older one is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import CLOSE, Call, Handled, handles
from neuraxis.broker.coordinators.transaction.connection import StaleConnection
from neuraxis.broker.node import OFFSETS_TOPIC
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

FENCED_FROM = 2
OLD = 0


@handles(AddOffsetsToTxnRequest, versions="0-4", needs="WRITE transactional id; READ group")
def add_offsets_to_txn(node: Node, call: Call, request: AddOffsetsToTxnRequest) -> Handled:
    """Let the group's partition join."""
    partition = node.group_shard(request.group_id, call.now).partition
    producer = request.producer_id, request.producer_epoch
    named = (OFFSETS_TOPIC, partition.index)
    try:
        code = node.transactions.add(call, request.transactional_id, producer, [named], OLD, call.session.id)
    except StaleConnection:
        return CLOSE
    if code is ErrorCode.PRODUCER_FENCED and call.api_version < FENCED_FROM:
        code = ErrorCode.INVALID_PRODUCER_EPOCH
    return AddOffsetsToTxnResponse(error_code=code)
