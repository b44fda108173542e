"""UnregisterBroker (key 64), version 0: other brokers are unknown (102); this one, the only one, must stay (42)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.unregister_broker import UnregisterBrokerRequest, UnregisterBrokerResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(UnregisterBrokerRequest, versions="0", needs="ALTER cluster")
def unregister_broker(node: Node, call: Call, request: UnregisterBrokerRequest) -> UnregisterBrokerResponse:
    """Refuse."""
    del call
    if request.broker_id == node.node_id:
        return UnregisterBrokerResponse(
            error_code=ErrorCode.INVALID_REQUEST,
            error_message="This is the only broker and it is running: stop it to take it away.",
        )
    code = ErrorCode.BROKER_ID_NOT_REGISTERED
    return UnregisterBrokerResponse(error_code=code, error_message=code.message)
