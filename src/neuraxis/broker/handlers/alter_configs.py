"""AlterConfigs (key 33), versions 0-2: replaces all configs of a resource by those given (the older way to change them).

A resource named twice is refused (42), where Kafka never answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.config_changes import SET, Operation, change_configs
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
    changes = [
        (
            (resource.resource_type, resource.resource_name),
            [Operation(SET, config.name, config.value) for config in resource.configs],
        )
        for resource in request.resources
    ]
    refusals = change_configs(node, call, changes, replace=True, validate_only=request.validate_only)
    call.saw(node.catalogue.ticket)
    return AlterConfigsResponse(
        responses=[
            AlterConfigsResourceResponse(
                error_code=refused.code if refused else 0,
                error_message=refused.message if refused else None,
                resource_type=kind,
                resource_name=name,
            )
            for ((kind, name), _), refused in zip(changes, refusals, strict=True)
        ]
    )
