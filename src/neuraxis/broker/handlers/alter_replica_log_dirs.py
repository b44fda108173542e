"""AlterReplicaLogDirs (key 34), versions 1-2: there is one log directory, so a replica can only move to where it is.

Any other directory is unknown (57).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.config_layers import log_dir
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.alter_replica_log_dirs import (
    AlterReplicaLogDirPartitionResult,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
    AlterReplicaLogDirTopicResult,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(AlterReplicaLogDirsRequest, versions="1-2", needs="ALTER cluster")
def alter_replica_log_dirs(
    node: Node, call: Call, request: AlterReplicaLogDirsRequest
) -> AlterReplicaLogDirsResponse:
    """Answer each partition."""
    call.saw(node.catalogue.ticket)
    results: dict[str, AlterReplicaLogDirTopicResult] = {}
    for directory in request.dirs:
        known = directory.path == log_dir(node)
        for topic in directory.topics:
            if not topic.partitions:
                continue  # nothing was asked: Kafka does not name such a topic in its answer
            result = results.setdefault(topic.name, AlterReplicaLogDirTopicResult(topic.name, []))
            answered = {each.partition_index for each in result.partitions}
            for index in dict.fromkeys(topic.partitions):
                if index in answered:
                    continue  # a partition lives in one directory: it is answered once
                code = ErrorCode.NONE
                if not known:
                    code = ErrorCode.LOG_DIR_NOT_FOUND
                elif node.partition(topic.name, index) is None:
                    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                result.partitions.append(AlterReplicaLogDirPartitionResult(index, code))
    return AlterReplicaLogDirsResponse(results=list(results.values()))
