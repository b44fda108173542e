"""AlterShareGroupOffsets (key 91), version 0: say where share partitions of a group without members begin (else 68).

A group that is not there comes to be. What was known of the share partitions is gone, also what was delivered. -1: as the
group's share.auto.offset.reset says, at the next fetch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.share.commands import Initialise
from neuraxis.broker.coordinators.share.facts import ShareKey
from neuraxis.broker.coordinators.share.group import KnownTopic
from neuraxis.broker.coordinators.share.group_machine import ShareTopicsKnown
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsResponse,
    AlterShareGroupOffsetsResponsePartition,
    AlterShareGroupOffsetsResponseTopic,
)
from neuraxis.wire.schema import ZERO_UUID

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(AlterShareGroupOffsetsRequest, versions="0", needs="READ group; READ topic")
def alter_share_group_offsets(
    node: Node, call: Call, request: AlterShareGroupOffsetsRequest
) -> AlterShareGroupOffsetsResponse:
    """Set what can be set; answer each partition."""
    starts: list[tuple[ShareKey, int, int]] = []
    known: dict[bytes, KnownTopic] = {}
    responses = []
    call.saw(node.catalogue.ticket)
    for asked in request.topics:
        topic = node.topics.get(asked.topic_name)
        served = [] if topic is None else topic.partitions
        answers = []
        for wanted in asked.partitions:
            index = wanted.partition_index
            answer = AlterShareGroupOffsetsResponsePartition(index)
            answers.append(answer)
            if topic is None or not 0 <= index < len(served):
                answer.error_code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                answer.error_message = f"There is no partition {asked.topic_name}-{index}."
                continue
            key = ShareKey(request.group_id, topic.topic_id, index)
            starts.append((key, wanted.start_offset, served[index].leader_epoch))
            before = known.get(topic.topic_id, KnownTopic(topic.name, ()))
            known[topic.topic_id] = KnownTopic(topic.name, (*before.partitions, index))
        topic_id = ZERO_UUID if topic is None else topic.topic_id
        responses.append(AlterShareGroupOffsetsResponseTopic(asked.topic_name, topic_id, answers))
    try:
        node.shares.check_enabled(call)
        if not request.group_id:
            raise Refused(ErrorCode.INVALID_GROUP_ID, "The group id is empty.")
        shard = node.group_shard(request.group_id, call.now)
        shard.execute(ShareTopicsKnown(request.group_id, tuple(known.items()), call.token), call, call.now)
        if starts:
            node.shares.execute(Initialise(tuple(starts)), call, call.now)
    except Refused as refused:
        return AlterShareGroupOffsetsResponse(error_code=refused.code, error_message=refused.message)
    return AlterShareGroupOffsetsResponse(responses=responses)
