"""OffsetFetch (key 9), versions 1-10: read stored positions of groups.

v2 all topics (null), v5 leader epochs, v7 require_stable (88 where an open transaction has written a position),
v8 several groups, v9 member epochs (of consumer and streams groups; 113 if stale), v10 topic ids. What is not stored, a missing
group included, is shown as offset -1 with code 0, as Kafka does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.group import queries
from neuraxis.broker.coordinators.group.consumer import commits
from neuraxis.broker.coordinators.group.facts import OffsetFact
from neuraxis.broker.coordinators.streams import commits as streams_commits
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
)
from neuraxis.wire.schema import ZERO_UUID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuraxis.broker.coordinators.group.machine import GroupState
    from neuraxis.broker.coordinators.group.queries import Position
    from neuraxis.broker.node import Node

GROUPS_FROM = 8
TOPIC_IDS_FROM = 10


@handles(OffsetFetchRequest, versions="1-10", needs="DESCRIBE group; DESCRIBE topic")
def offset_fetch(node: Node, call: Call, request: OffsetFetchRequest) -> OffsetFetchResponse:
    """Show the stored positions."""
    response = _stored(node, call, request)
    if request.require_stable:
        _hide_pending(node, call, request.group_id, response.topics)
        for group in response.groups:
            _hide_pending(node, call, group.group_id, group.topics)
    return response


def _hide_pending(
    node: Node,
    call: Call,
    group_id: str,
    topics: Sequence[OffsetFetchResponseTopic | OffsetFetchResponseTopics],
) -> None:
    """Positions that an open transaction may change at any moment are not shown to who wants stable ones."""
    shard = node.group_shard(group_id, call.now)
    for topic in topics:
        for shown in topic.partitions:
            if shard.is_pending(OffsetFact(group_id, topic.name, shown.partition_index, None)):
                shown.error_code = ErrorCode.UNSTABLE_OFFSET_COMMIT
                shown.committed_offset, shown.committed_leader_epoch, shown.metadata = queries.NO_POSITION


def _stored(node: Node, call: Call, request: OffsetFetchRequest) -> OffsetFetchResponse:
    if call.api_version >= GROUPS_FROM:
        return OffsetFetchResponse(groups=[_group(node, call, asked) for asked in request.groups])
    state: GroupState = node.group_shard(request.group_id, call.now).read(call)
    if request.topics is None:
        shown = {
            name: list(partitions.items())
            for name, partitions in queries.positions(state, request.group_id).items()
        }
        return OffsetFetchResponse(topics=[_old_topic(name, found) for name, found in shown.items()])
    topics = []
    for topic in request.topics:
        found = [
            (index, queries.position(state, request.group_id, topic.name, index))
            for index in topic.partition_indexes
        ]
        topics.append(_old_topic(topic.name, found))
    return OffsetFetchResponse(topics=topics)


def _old_topic(name: str, found: list[tuple[int, Position]]) -> OffsetFetchResponseTopic:
    partitions = [OffsetFetchResponsePartition(index, *position) for index, position in found]
    return OffsetFetchResponseTopic(name, partitions)


def _group(node: Node, call: Call, asked: OffsetFetchRequestGroup) -> OffsetFetchResponseGroup:
    state: GroupState = node.group_shard(asked.group_id, call.now).read(call)
    by_id = call.api_version >= TOPIC_IDS_FROM
    known = state.groups.get(asked.group_id)
    code = ErrorCode.NONE
    if known is not None and known.consumer is not None:
        code = commits.check_fetch(known.consumer, asked.member_id, asked.member_epoch)
    elif known is not None and known.streams is not None:
        code = streams_commits.check_fetch(known.streams, asked.member_id, asked.member_epoch)
    if code is not ErrorCode.NONE:
        return OffsetFetchResponseGroup(asked.group_id, error_code=code)
    if asked.topics is not None:
        topics = [_topic(node, state, asked.group_id, topic, by_id=by_id) for topic in asked.topics]
        return OffsetFetchResponseGroup(asked.group_id, topics)
    topics = []
    for name, found in queries.positions(state, asked.group_id).items():
        served = node.topics.get(name)
        if by_id and served is None:
            continue  # a topic that is gone has no id to be shown by
        partitions = [OffsetFetchResponsePartitions(index, *position) for index, position in found.items()]
        topic_id = served.topic_id if served is not None else ZERO_UUID
        topics.append(OffsetFetchResponseTopics(name, topic_id, partitions))
    return OffsetFetchResponseGroup(asked.group_id, topics)


def _topic(
    node: Node, state: GroupState, group_id: str, asked: OffsetFetchRequestTopics, *, by_id: bool
) -> OffsetFetchResponseTopics:
    name = asked.name
    if by_id:
        served = node.topics_by_id.get(asked.topic_id)
        if served is None:
            unknown = [
                OffsetFetchResponsePartitions(
                    index, *queries.NO_POSITION, error_code=ErrorCode.UNKNOWN_TOPIC_ID
                )
                for index in asked.partition_indexes
            ]
            return OffsetFetchResponseTopics("", asked.topic_id, unknown)
        name = served.name
    partitions = [
        OffsetFetchResponsePartitions(index, *queries.position(state, group_id, name, index))
        for index in asked.partition_indexes
    ]
    return OffsetFetchResponseTopics(name, asked.topic_id, partitions)
