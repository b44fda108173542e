"""EndTxn (key 26), versions 0-5: commit or abort a transaction.

v2 90 PRODUCER_FENCED (before: 47), v5 the new protocol (KIP-890): the epoch rises and is in the answer, a retry is known by it.
The answer leaves when the transaction is over everywhere, where Kafka answers when that is decided and lets the next request
wait (51). In v0-4 only the newest connection that spoke for the transactional id is heard; an older one is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import CLOSE, PARKED, Call, Handled, handles
from neuraxis.broker.coordinators.transaction.commands import EndTransaction
from neuraxis.broker.coordinators.transaction.connection import StaleConnection
from neuraxis.broker.coordinators.transaction.end import EPOCHS_FROM, needs_producer_id
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.end_txn import EndTxnRequest, EndTxnResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(EndTxnRequest, versions="0-5", needs="WRITE transactional id")
def end_txn(node: Node, call: Call, request: EndTxnRequest) -> Handled:
    """End the transaction."""
    name = request.transactional_id
    if not name:
        return EndTxnResponse(error_code=ErrorCode.INVALID_REQUEST)
    shard = node.transactions.known_shard(name)
    if shard is None:
        return EndTxnResponse(error_code=ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    new = call.api_version >= EPOCHS_FROM
    fresh = None
    if new and needs_producer_id(shard.state, name):
        fresh = node.next_producer_id(call, call.now)
    command = EndTransaction(
        token=call.token,
        api_version=call.api_version,
        transactional_id=name,
        producer_id=request.producer_id,
        producer_epoch=request.producer_epoch,
        commit=request.committed,
        connection=None if new else call.session.id,
        fresh_producer_id=fresh,
    )
    try:
        response = shard.execute(command, call, call.now)
    except StaleConnection:
        return CLOSE
    if response is PARKED:
        node.transactions.drive(shard, name, call.now)
        return PARKED
    return response if response.error_code else node.transactions.when_durable(shard, call, response)
