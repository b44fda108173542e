"""DescribeLogDirs (key 35), versions 1-5: the data directory and the size of each partition in it.

Partitions that are not here are left out, as Kafka does. v3 an error code, v4 sizes of the volume, v5 cordoned (never).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.config_layers import log_dir
from neuraxis.wire.messages.describe_log_dirs import (
    DescribeLogDirsPartition,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node, Topic


@handles(DescribeLogDirsRequest, versions="1-5", needs="DESCRIBE cluster")
def describe_log_dirs(node: Node, call: Call, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse:
    """The one data directory with the partitions asked for, or with all."""
    call.saw(node.catalogue.ticket)
    asked: dict[str, list[int] | None]
    if request.topics is None:
        asked = dict.fromkeys(node.topics)
    else:
        asked = {topic.topic: topic.partitions for topic in request.topics}
    topics = []
    for name, indexes in asked.items():
        topic = node.topics.get(name)
        partitions = _partitions(topic, indexes) if topic is not None else []
        if partitions:
            topics.append(DescribeLogDirsTopic(name=name, partitions=partitions))
    return DescribeLogDirsResponse(results=[DescribeLogDirsResult(log_dir=log_dir(node), topics=topics)])


def _partitions(topic: Topic, indexes: list[int] | None) -> list[DescribeLogDirsPartition]:
    return [
        DescribeLogDirsPartition(partition_index=partition.index, partition_size=partition.log.size)
        for partition in topic.partitions
        if indexes is None or partition.index in indexes
    ]
