"""AlterConfigs (key 33), versions 0-2: replaces all configs of a resource by those given (the older way to change them).

A resource named twice is refused (42), where Kafka never answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.config_changes import SET, Operation, change_configs, refuse_twice, twice
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.alter_configs import (
    AlterConfigsRequest,
    AlterConfigsResourceResponse,
    AlterConfigsResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(AlterConfigsRequest, versions="0-2", needs="ALTER_CONFIGS of the resource")
def alter_configs(node: Node, call: Call, request: AlterConfigsRequest) -> AlterConfigsResponse:
    """Replace the configs of each resource, or say why not."""
    repeated = twice((resource.resource_type, resource.resource_name) for resource in request.resources)
    answers = []
    for resource in request.resources:
        key = (resource.resource_type, resource.resource_name)
        answer = AlterConfigsResourceResponse(error_message=None, resource_type=key[0], resource_name=key[1])
        operations = [Operation(SET, config.name, config.value) for config in resource.configs]
        try:
            if key in repeated:
                raise refuse_twice()
            change_configs(node, call, key, operations, replace=True, validate_only=request.validate_only)
        except Refused as refused:
            answer.error_code, answer.error_message = refused.code, refused.message
        answers.append(answer)
    call.saw(node.catalogue.ticket)
    return AlterConfigsResponse(responses=answers)
