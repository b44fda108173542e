"""UnregisterController (key 94), version 0: other controllers are unknown (136); this one, the only one, must stay (42)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.unregister_controller import (
    UnregisterControllerRequest,
    UnregisterControllerResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(UnregisterControllerRequest, versions="0", needs="ALTER cluster")
def unregister_controller(
    node: Node, call: Call, request: UnregisterControllerRequest
) -> UnregisterControllerResponse:
    """Refuse."""
    del call
    if request.controller_id == node.node_id:
        return UnregisterControllerResponse(
            error_code=ErrorCode.INVALID_REQUEST,
            error_message="This is the only controller and it is running: stop the broker to take it away.",
        )
    code = ErrorCode.CONTROLLER_ID_NOT_REGISTERED
    return UnregisterControllerResponse(error_code=code, error_message=code.message)
