"""IncrementalAlterConfigs (key 44), versions 0-1: set, delete, append to or subtract from single configs.

An unknown broker config is refused (40), where Kafka keeps it for plug-ins. An unknown operation is 42 (Kafka: -1). Configs
that Kafka can change per broker only (listeners, key stores) are refused (42): they change with a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.config_changes import Operation, change_configs
from neuraxis.wire.messages.incremental_alter_configs import (
    AlterConfigsResourceResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(IncrementalAlterConfigsRequest, versions="0-1", needs="ALTER_CONFIGS of the resource")
def incremental_alter_configs(
    node: Node, call: Call, request: IncrementalAlterConfigsRequest
) -> IncrementalAlterConfigsResponse:
    """Change the configs of each resource, or say why not."""
    changes = [
        (
            (resource.resource_type, resource.resource_name),
            [Operation(config.config_operation, config.name, config.value) for config in resource.configs],
        )
        for resource in request.resources
    ]
    refusals = change_configs(node, call, changes, replace=False, validate_only=request.validate_only)
    call.saw(node.catalogue.ticket)
    return IncrementalAlterConfigsResponse(
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
