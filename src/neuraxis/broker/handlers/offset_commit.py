"""OffsetCommit (key 8), versions 2-10: store positions of a group.

v2-4 a retention of the commit's own, v6 leader epochs, v7 static members, v9 69 GROUP_ID_NOT_FOUND for a missing group,
v10 topic ids. Unknown topics and partitions have their own codes (3, 100) whatever the group says, as in Kafka.
The rules are in `coordinators/group/offsets.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.group.commands import CommitOffsets, PartitionCommit, TopicCommit
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.offset_commit import OffsetCommitRequest, OffsetCommitRequestTopic
from neuraxis.wire.schema import ZERO_UUID

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

TOPIC_IDS_FROM = 10
MAX_RETENTION_TIME_MS = 1 << 62
"""Half of an int64, 146 million years: with the wall clock added it must still fit its field of the stored record."""


@handles(OffsetCommitRequest, versions="2-10", needs="READ group; READ topic")
def offset_commit(node: Node, call: Call, request: OffsetCommitRequest) -> Handled:
    """Store what can be stored; answer each partition."""
    if node.store.full:
        raise Refused(ErrorCode.KAFKA_STORAGE_ERROR, "The disk is full; free some space.")
    by_id = call.api_version >= TOPIC_IDS_FROM
    command = CommitOffsets(
        token=call.token,
        api_version=call.api_version,
        group_id=request.group_id,
        generation_id=request.generation_id_or_member_epoch,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        retention_time_ms=min(request.retention_time_ms, MAX_RETENTION_TIME_MS),
        topics=tuple(
            _topic(node, topic, by_id=by_id)
            for topic in request.topics
            if topic.partitions  # Kafka does not name a topic of which nothing was asked
        ),
    )
    call.saw(node.catalogue.ticket)
    return node.group_shard(request.group_id, call.now).execute(command, call, call.now)


def _topic(node: Node, asked: OffsetCommitRequestTopic, *, by_id: bool) -> TopicCommit:
    served = node.topics_by_id.get(asked.topic_id) if by_id else node.topics.get(asked.name)
    partitions = tuple(
        PartitionCommit(
            partition.partition_index,
            partition.committed_offset,
            partition.committed_leader_epoch,
            partition.committed_metadata,
        )
        for partition in asked.partitions
    )
    if by_id:
        return TopicCommit(served.name if served is not None else None, asked.topic_id, partitions)
    return TopicCommit(asked.name, served.topic_id if served is not None else ZERO_UUID, partitions)
