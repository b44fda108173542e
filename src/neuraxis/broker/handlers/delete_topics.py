"""DeleteTopics (key 20), versions 1-6.

timeout_ms is ignored: the topic is gone when the answer leaves; its files go later. v5 messages; v6 by name or by id.
Internal topics are refused (17), where Kafka deletes them.
Versions from 5 on are refused while the quota of changes is used up (89); older ones are carried out and throttled.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.topics.machine import DeleteTopic
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)

if TYPE_CHECKING:
    from neuraxis.broker.client_quotas import Mutations
    from neuraxis.broker.node import Node, Topic

NO_ID = bytes(16)
IDS_SINCE = 6
DISABLED_SINCE = 3
"""The first version that knows TOPIC_DELETION_DISABLED."""
STRICT_SINCE = 5
"""The first version that knows THROTTLING_QUOTA_EXCEEDED."""


@handles(DeleteTopicsRequest, versions="1-6", needs="DELETE topic")
def delete_topics(node: Node, call: Call, request: DeleteTopicsRequest) -> DeleteTopicsResponse:
    """Delete each topic, its records, and what groups committed of it."""
    asked = request.topics
    if call.api_version < IDS_SINCE:
        asked = [DeleteTopicState(name=name) for name in request.topic_names]
    found = [_find(node, state) for state in asked]
    quota = node.quotas.mutations(call.session, call.now.mono_ms, strict=call.api_version >= STRICT_SINCE)
    counts = Counter(topic.name for topic in found if isinstance(topic, _Found))
    answers = []
    told = set()
    for state, topic in zip(asked, found, strict=True):
        answer = DeletableTopicResult(name=state.name, topic_id=state.topic_id)
        try:
            if isinstance(topic, Refused):
                raise topic
            if counts[topic.name] > 1:
                if topic.name in told:
                    continue
                told.add(topic.name)
                raise Refused(ErrorCode.INVALID_REQUEST, f"The request names topic {topic.name} twice.")
            answer.name, answer.topic_id = topic.name, topic.topic_id
            _delete(node, call, topic.topic, quota)
        except Refused as refused:
            answer.error_code = refused.code
            answer.error_message = refused.message
        answers.append(answer)
    call.saw(node.catalogue.ticket)
    return DeleteTopicsResponse(throttle_time_ms=quota.throttle_ms, responses=answers)


class _Found:
    """A topic that a request names, also one that a twin of it in the request has deleted since."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.name = topic.name
        self.topic_id = topic.topic_id


def _find(node: Node, state: DeleteTopicState) -> _Found | Refused:
    named = state.name is not None
    if named == (state.topic_id != NO_ID):
        return Refused(
            ErrorCode.INVALID_REQUEST, "Name a topic by its name or by its id, not by both or neither."
        )
    topic = node.topics.get(state.name) if state.name is not None else node.topics_by_id.get(state.topic_id)
    if topic is None:
        code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if named else ErrorCode.UNKNOWN_TOPIC_ID
        return Refused(code, code.message)
    return _Found(topic)


def _delete(node: Node, call: Call, topic: Topic, quota: Mutations) -> None:
    if topic.internal:
        raise Refused(
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            f"{topic.name} is internal: the broker keeps its own state there.",
        )
    if not node.settings.boolean("delete.topic.enable"):
        code = (
            ErrorCode.INVALID_REQUEST
            if call.api_version < DISABLED_SINCE
            else ErrorCode.TOPIC_DELETION_DISABLED
        )
        raise Refused(code, ErrorCode.TOPIC_DELETION_DISABLED.message)
    quota.take(len(topic.partitions))
    node.change_catalogue(DeleteTopic(topic.name), call, call.now, [topic.name])
    node.forget_topic_offsets(topic.name, call)
