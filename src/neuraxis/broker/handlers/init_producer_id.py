"""InitProducerId (key 22), versions 0-5.

An idempotent producer gets an id never handed out before, epoch 0; blocks of ids are reserved on disk before use.
Not done: transactional ids; asking with one answers 35 UNSUPPORTED_VERSION.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(InitProducerIdRequest, versions="0-5", needs="IDEMPOTENT_WRITE cluster, or WRITE on any topic")
def init_producer_id(node: Node, call: Call, request: InitProducerIdRequest) -> InitProducerIdResponse:
    """Hand out a producer id."""
    if request.transactional_id is not None:
        code = ErrorCode.UNSUPPORTED_VERSION if request.transactional_id else ErrorCode.INVALID_REQUEST
        return InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
    if node.store.full:
        return InitProducerIdResponse(
            error_code=ErrorCode.KAFKA_STORAGE_ERROR, producer_id=-1, producer_epoch=-1
        )
    return InitProducerIdResponse(producer_id=node.next_producer_id(call, call.now), producer_epoch=0)
