"""OffsetDelete (key 47), version 0: forget positions of a group in topics that its members do not read (else 86).

The rules are in `coordinators/group/offsets.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.group.commands import DeleteOffsets
from neuraxis.wire.messages.offset_delete import OffsetDeleteRequest

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(OffsetDeleteRequest, versions="0", needs="DELETE group; READ topic")
def offset_delete(node: Node, call: Call, request: OffsetDeleteRequest) -> Handled:
    """Forget what may be forgotten; answer each partition."""
    topics = tuple(
        (topic.name, tuple(partition.partition_index for partition in topic.partitions))
        for topic in request.topics
        if topic.partitions  # Kafka does not name a topic of which nothing was asked
    )
    call.saw(node.catalogue.ticket)
    command = DeleteOffsets(call.token, request.group_id, topics)
    return node.group_shard(request.group_id, call.now).execute(command, call, call.now)
