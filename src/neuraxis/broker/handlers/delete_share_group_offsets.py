"""DeleteShareGroupOffsets (key 92), version 0: forget what is known of topics in a share group without members (else 68).

A topic of which the group has no share partitions is 3, without its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.share.group_machine import ShareTopicsKnown
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
    DeleteShareGroupOffsetsResponseTopic,
)
from neuraxis.wire.schema import ZERO_UUID

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DeleteShareGroupOffsetsRequest, versions="0", needs="DELETE group; READ topic")
def delete_share_group_offsets(
    node: Node, call: Call, request: DeleteShareGroupOffsetsRequest
) -> DeleteShareGroupOffsetsResponse:
    """Forget what is there; answer each topic."""
    group_id = request.group_id
    call.saw(node.catalogue.ticket)
    try:
        node.shares.check_enabled(call)
        if not group_id:
            raise Refused(ErrorCode.INVALID_GROUP_ID, "A share group has a name.")
        group = node.shares.group(group_id, call)
        if group is None:
            raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no share group {group_id}.")
        ids = {topic.name: topic_id for topic_id, topic in group.topics.items()}
        wanted = [ids[asked.topic_name] for asked in request.topics if asked.topic_name in ids]
        command = ShareTopicsKnown(group_id, tuple((topic_id, None) for topic_id in wanted), call.token)
        node.group_shard(group_id, call.now).execute(command, call, call.now)
        gone = frozenset(wanted)
        node.shares.forget(lambda key: key.group_id == group_id and key.topic_id in gone, call, call.now)
    except Refused as refused:
        return DeleteShareGroupOffsetsResponse(error_code=refused.code, error_message=refused.message)
    responses = []
    for asked in request.topics:
        answer = DeleteShareGroupOffsetsResponseTopic(asked.topic_name, ids.get(asked.topic_name, ZERO_UUID))
        if asked.topic_name not in ids:
            answer.error_code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            answer.error_message = f"The group has no share partitions of {asked.topic_name}."
        responses.append(answer)
    return DeleteShareGroupOffsetsResponse(responses=responses)
