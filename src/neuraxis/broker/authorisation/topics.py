"""What requests about topics are asked: what may be seen, made and deleted, and how much of it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.authorisation.authoriser import CLUSTER, TOPIC
from neuraxis.broker.authorisation.cluster import cluster_operations
from neuraxis.broker.authorisation.steps import CODES, Asked, Proceed, Split, part, sorted_out, without
from neuraxis.broker.operations import CREATE, DELETE, DESCRIBE, DESCRIBE_CONFIGS
from neuraxis.wire.messages.describe_topic_partitions import TopicRequest
from neuraxis.wire.schema import ZERO_UUID

if TYPE_CHECKING:
    from neuraxis.broker.call import Body, Handled

IDS_SINCE = 12
"""The first version of Metadata in which ids are looked at; its answers to earlier ones have no place for a missing name."""


def metadata(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """Metadata: all topics means those that may be described; a missing one is created for who may create it.

    A topic that may not be described is answered alike whether it exists or not.
    """
    topics, version = request.topics, asked.call.api_version
    if topics is None or (not topics and version == 0):
        answer = proceed(request)
        answer.topics = [each for each in answer.topics if asked.would_allow(DESCRIBE, TOPIC, each.name)]
        return _with_operations(asked, answer)
    if version < IDS_SINCE and any(topic.topic_id != ZERO_UUID for topic in topics):
        return proceed(request)  # refused whole, whatever it names
    kept: list[Body] = []
    denied: list[Body] = []
    uncreated: list[Body] = []
    creates = request.allow_auto_topic_creation and asked.node.settings.boolean("auto.create.topics.enable")
    for topic in topics:
        name = topic.name
        if topic.topic_id != ZERO_UUID:
            name = asked.topic_name(topic.topic_id)
        if name is None:
            kept.append(topic)
        elif not asked.allows(DESCRIBE, TOPIC, name):
            denied.append(topic)
        elif name not in asked.node.topics and creates and not _may_create(asked, name):
            uncreated.append(topic)
        else:
            kept.append(topic)
    if not denied and not uncreated:
        return _with_operations(asked, proceed(request))
    answer = proceed(part(request, "topics", kept))
    answer.topics = answer.topics if kept else []
    refused = [*uncreated, *denied]
    made = asked.refused(part(request, "topics", refused), CODES[TOPIC]).topics
    for element in made:
        if element.topic_id != ZERO_UUID:
            element.name = None  # who asks by id does not learn the name
    answer.topics = [*answer.topics, *made]
    return _with_operations(asked, answer)


def _may_create(asked: Asked, name: str) -> bool:
    return asked.would_allow(CREATE, CLUSTER) or asked.allows(CREATE, TOPIC, name)


def _with_operations(asked: Asked, answer: Body) -> Body:
    for topic in answer.topics:
        if topic.topic_authorized_operations > 0:
            topic.topic_authorized_operations = asked.those_of(
                topic.topic_authorized_operations, TOPIC, topic.name
            )
    if getattr(answer, "cluster_authorized_operations", 0) > 0:
        cluster_operations(asked, answer)
    return answer


def topic_partitions(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """DescribeTopicPartitions: of all topics those that may be described; one named that may not is refused."""
    if not request.topics:
        return _all_partitions(asked, request, proceed)
    kept, denied = sorted_out(request.topics, lambda topic: asked.allows(DESCRIBE, TOPIC, topic.name))
    return _with_operations(
        asked, without(asked, request, Split("topics", kept, denied), CODES[TOPIC], proceed)
    )


def _all_partitions(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    cursor = request.cursor
    names = [name for name in sorted(asked.node.topics) if cursor is None or name >= cursor.topic_name]
    shown = [name for name in names if asked.would_allow(DESCRIBE, TOPIC, name)]
    if not shown:
        return asked.api.response()
    changed = part(request, "topics", [TopicRequest(name=name) for name in shown])
    if cursor is not None and shown[0] != cursor.topic_name:
        changed.cursor = (
            None  # the topic it names is gone or hidden: go on with the next one, from its beginning
        )
    return _with_operations(asked, proceed(changed))


def create_topics(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """CreateTopics: CREATE on the cluster, or on each topic; the configs are shown to who may describe them."""
    if asked.would_allow(CREATE, CLUSTER):
        kept, denied = request.topics, []
    else:
        allowed = [(topic, asked.allows(CREATE, TOPIC, topic.name)) for topic in request.topics]
        kept = [topic for topic, yes in allowed if yes]
        denied = [topic for topic, yes in allowed if not yes]
    answer = without(asked, request, Split("topics", kept, denied), CODES[TOPIC], proceed)
    for topic in answer.topics:
        if not topic.error_code and not asked.would_allow(DESCRIBE_CONFIGS, TOPIC, topic.name):
            topic.topic_config_error_code = CODES[TOPIC]
            topic.num_partitions = topic.replication_factor = -1
            topic.configs = []
    return answer


def delete_topics(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """DeleteTopics: DELETE on each; who names an id learns the name only with DESCRIBE."""
    array = "topics" if asked.has("topics") else "topic_names"
    kept: list[Body] = []
    denied: list[Body] = []
    for each in getattr(request, array):
        name = each if array == "topic_names" else each.name
        if name is None:
            name = asked.topic_name(each.topic_id)
        allowed = name is None or asked.allows(DELETE, TOPIC, name)
        (kept if allowed else denied).append(each)
    answer = without(asked, request, Split(array, kept, denied), CODES[TOPIC], proceed)
    for result in answer.responses:
        if result.error_code == CODES[TOPIC] and result.name is None:
            name = asked.topic_name(result.topic_id)
            if name is not None and asked.would_allow(DESCRIBE, TOPIC, name):
                result.name = name
    return answer
