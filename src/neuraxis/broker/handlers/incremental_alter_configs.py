"""IncrementalAlterConfigs (key 44), versions 0-1: set, delete, append to or subtract from single configs.

An unknown broker config is refused (40), where Kafka keeps it for plug-ins. An unknown operation is 42 (Kafka: -1). Configs
that Kafka can change per broker only (listeners, key stores) are refused (42): they change with a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.config_changes import Operation, change_configs, refuse_twice, twice
from neuraxis.wire.errors import Refused
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
    repeated = twice((resource.resource_type, resource.resource_name) for resource in request.resources)
    answers = []
    for resource in request.resources:
        key = (resource.resource_type, resource.resource_name)
        answer = AlterConfigsResourceResponse(error_message=None, resource_type=key[0], resource_name=key[1])
        operations = [
            Operation(config.config_operation, config.name, config.value) for config in resource.configs
        ]
        try:
            if key in repeated:
                raise refuse_twice()
            change_configs(node, call, key, operations, replace=False, validate_only=request.validate_only)
        except Refused as refused:
            answer.error_code, answer.error_message = refused.code, refused.message
        answers.append(answer)
    call.saw(node.catalogue.ticket)
    return IncrementalAlterConfigsResponse(responses=answers)
