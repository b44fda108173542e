"""InitProducerId (key 22), versions 0-5.

Without a transactional id: a producer id never handed out before, epoch 0; blocks of ids are reserved on disk before use.
With one: the coordinator's, whoever used it before is fenced. An open transaction is aborted first, and the answer is 51: ask
again. v3 a producer goes on after an error, v4 90 PRODUCER_FENCED (before: 47). The rules are in `coordinators/transaction`.
Whatever the durability policy, the answer waits until the epoch is on disk: it must never be handed out twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import PARKED, Call, Handled, handles
from neuraxis.broker.coordinators.transaction.commands import InitProducer
from neuraxis.broker.coordinators.transaction.facts import NO_EPOCH, NO_PRODUCER_ID
from neuraxis.broker.coordinators.transaction.init import needs_producer_id
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(InitProducerIdRequest, versions="0-5", needs="IDEMPOTENT_WRITE cluster, or WRITE transactional id")
def init_producer_id(node: Node, call: Call, request: InitProducerIdRequest) -> Handled:
    """Hand out a producer id and an epoch."""
    half = (request.producer_id == NO_PRODUCER_ID) != (request.producer_epoch == NO_EPOCH)
    if half or request.transactional_id == "":
        return _refused(ErrorCode.INVALID_REQUEST)
    if node.store.full:
        return _refused(ErrorCode.KAFKA_STORAGE_ERROR)
    if request.transactional_id is None:
        return InitProducerIdResponse(producer_id=node.next_producer_id(call, call.now), producer_epoch=0)
    return _transactional(node, call, request.transactional_id, request)


def _transactional(node: Node, call: Call, transactional_id: str, request: InitProducerIdRequest) -> Handled:
    shard = node.transactions.shard(transactional_id, call.now)
    fresh = None
    if needs_producer_id(shard.state, transactional_id):
        fresh = node.next_producer_id(call, call.now)
    expected = None
    if request.producer_id != NO_PRODUCER_ID:
        expected = request.producer_id, request.producer_epoch
    command = InitProducer(
        token=call.token,
        api_version=call.api_version,
        transactional_id=transactional_id,
        timeout_ms=request.transaction_timeout_ms,
        expected=expected,
        connection=call.session.id,
        fresh_producer_id=fresh,
    )
    response = shard.execute(command, call, call.now)
    if response is PARKED:
        node.transactions.drive(shard, transactional_id, call.now)
        return PARKED
    return response if response.error_code else node.transactions.when_durable(shard, call, response)


def _refused(code: ErrorCode) -> InitProducerIdResponse:
    return InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
