"""ShareAcknowledge (key 79), versions 1-2: a member of a share group says what became of records. v2 renews locks.

A request whose epoch is -1 ends the session: what it still had is available again. All the acknowledgements of a partition
count, or none: 42 they make no sense, 121 the member does not have the records any more. The answer follows the sync.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.authorisation.authoriser import TOPIC
from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.share.acknowledge import check
from neuraxis.broker.coordinators.share.commands import Ack, Acknowledge
from neuraxis.broker.coordinators.share.facts import ShareKey
from neuraxis.broker.coordinators.share.heartbeat import MAX_MEMBER_ID
from neuraxis.broker.coordinators.share.sessions import FINAL_EPOCH, INITIAL_EPOCH
from neuraxis.broker.operations import READ
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.share_acknowledge import (
    PartitionData,
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
    ShareAcknowledgeTopicResponse,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuraxis.broker.node import Node
    from neuraxis.wire.messages.share_acknowledge import AcknowledgementBatch
    from neuraxis.wire.messages.share_fetch import AcknowledgementBatch as FetchedBatch

RENEW_FROM = 2
"""The first version that can renew locks."""


class Verdict(NamedTuple):
    """What came of the acknowledgements of a partition."""

    code: int = 0
    message: str | None = None


@handles(ShareAcknowledgeRequest, versions="1-2", needs="READ group; READ topic")
def share_acknowledge(node: Node, call: Call, request: ShareAcknowledgeRequest) -> ShareAcknowledgeResponse:
    """Settle records; never parked but for durability."""
    try:
        return _acknowledge(node, call, request)
    except Refused as refused:  # said once, not to every partition: so clients know that nothing was done
        return ShareAcknowledgeResponse(error_code=refused.code, error_message=refused.message)


def _acknowledge(node: Node, call: Call, request: ShareAcknowledgeRequest) -> ShareAcknowledgeResponse:
    shares, now = node.shares, call.now
    shares.check_enabled(call)
    group_id, member_id = check_names(request.group_id, request.member_id)
    epoch = request.share_session_epoch
    if epoch == INITIAL_EPOCH:
        raise Refused(
            ErrorCode.INVALID_SHARE_SESSION_EPOCH, "Nothing was fetched in a session that is yet to begin."
        )
    ended = shares.sessions.end(group_id, member_id) if epoch == FINAL_EPOCH else None
    if ended is None:
        shares.sessions.next(group_id, member_id, epoch)
    renew = request.is_renew_ack and call.api_version >= RENEW_FROM
    responses = []
    for topic in request.topics:
        partitions = []
        for asked in topic.partitions:
            if not asked.acknowledgement_batches:
                continue  # nothing was acknowledged: Kafka does not name it in its answer
            key = ShareKey(group_id, bytes(topic.topic_id), asked.partition_index)
            verdict = settle(node, call, key, member_id, asked.acknowledgement_batches, renew=renew)
            partitions.append(PartitionData(asked.partition_index, verdict.code, verdict.message))
        if partitions:
            responses.append(ShareAcknowledgeTopicResponse(topic.topic_id, partitions))
    if ended is not None:
        shares.end_session(ended, call, now)
    return ShareAcknowledgeResponse(
        acquisition_lock_timeout_ms=shares.limits(group_id).record_lock_duration_ms, responses=responses
    )


def check_names(group_id: str | None, member_id: str | None) -> tuple[str, str]:
    """Group and member of a request; refuses (42) one that lacks them, or has a member that no group can have."""
    if not group_id or not member_id:
        raise Refused(ErrorCode.INVALID_REQUEST, "A group id and a member id are needed.")
    if len(member_id) > MAX_MEMBER_ID:
        raise Refused(ErrorCode.INVALID_REQUEST, f"A member id has at most {MAX_MEMBER_ID} characters.")
    return group_id, member_id


def settle(
    node: Node,
    call: Call,
    key: ShareKey,
    member_id: str,
    batches: Sequence[AcknowledgementBatch | FetchedBatch],
    *,
    renew: bool,
) -> Verdict:
    """Carry out the acknowledgements of one partition."""
    topic = node.topics_by_id.get(key.topic_id)
    call.saw(node.catalogue.ticket)
    if topic is None:
        return Verdict(ErrorCode.UNKNOWN_TOPIC_ID, "No topic has this id.")
    if node.guard is not None and not node.guard.allows(call, READ, TOPIC, topic.name):
        code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        return Verdict(code, code.message)
    if not 0 <= key.partition < len(topic.partitions) or node.shares.known(key, call) is None:
        return Verdict(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "Nothing of this partition was fetched.")
    acks = tuple(Ack(each.first_offset, each.last_offset, tuple(each.acknowledge_types)) for each in batches)
    try:
        check(acks, renew=renew and node.shares.limits(key.group_id).renew_enabled)
        node.shares.execute(Acknowledge(key, member_id, acks, call.token), call, call.now)
    except Refused as refused:
        return Verdict(refused.code, refused.message)
    return Verdict()
