"""CreateTopics (key 19), versions 2-7.

timeout_ms is ignored: a topic exists when the answer leaves. v4 defaults (-1); v5 the configs in the answer; v7 topic ids.
A replication factor above 1 is a wish, kept and answered as 1 (the strict switch refuses it as Kafka does). Internal topics
are refused (17): the broker makes them itself. Names that collide within one request: the second is refused (Kafka misses it).
Versions from 6 on are refused while the quota of changes is used up (89); older ones are carried out and throttled.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.config_layers import layers_of
from neuraxis.broker.config_table.describe import describe_topic
from neuraxis.broker.coordinators.topics.machine import check_name_is_free
from neuraxis.broker.new_topics import check_new_partitions, plan_topic
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfigs,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.topics.machine import CreateTopic
    from neuraxis.broker.node import Node

CONFIGS_SINCE = 5
STRICT_SINCE = 6
"""The first version whose clients know THROTTLING_QUOTA_EXCEEDED."""


@handles(CreateTopicsRequest, versions="2-7", needs="CREATE cluster or topic")
def create_topics(node: Node, call: Call, request: CreateTopicsRequest) -> CreateTopicsResponse:
    """Create each topic, or say why not; with `validate_only` say what would be."""
    times = Counter(topic.name for topic in request.topics)
    quota = node.quotas.mutations(call.session, call.now.mono_ms, strict=call.api_version >= STRICT_SINCE)
    plans: dict[str, CreateTopic | Refused] = {}
    planned = 0
    for topic in request.topics:
        try:
            if times[topic.name] > 1:
                raise Refused(ErrorCode.INVALID_REQUEST, f"The request names topic {topic.name} twice.")
            plan = _plan(node, topic)
            check_new_partitions(node, planned + plan.partitions)
            quota.take(plan.partitions)
            planned += plan.partitions
            plans[topic.name] = plan
        except Refused as refused:
            plans[topic.name] = refused
    # Only after everything was checked is the first thing written.
    answers = []
    for name, planned_topic in plans.items():
        try:
            if isinstance(planned_topic, Refused):
                raise planned_topic
            if not request.validate_only:
                node.change_catalogue(planned_topic, call, call.now, [name])
            answers.append(_created(node, call, planned_topic))
        except Refused as refused:
            answers.append(
                CreatableTopicResult(
                    name=name, error_code=refused.code, error_message=refused.message, configs=[]
                )
            )
    call.saw(node.catalogue.ticket)
    return CreateTopicsResponse(throttle_time_ms=quota.throttle_ms, topics=answers)


def _plan(node: Node, topic: CreatableTopic) -> CreateTopic:
    check_name_is_free(node.catalogue.state, topic.name)
    assigned = [assignment.partition_index for assignment in topic.assignments]
    if len(set(assigned)) < len(assigned):
        raise Refused(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"A partition of {topic.name} is assigned more than once."
        )
    return plan_topic(
        node,
        topic.name,
        topic.num_partitions,
        topic.replication_factor,
        {assignment.partition_index: assignment.broker_ids for assignment in topic.assignments},
        {config.name: config.value for config in topic.configs},
    )


def _created(node: Node, call: Call, topic: CreateTopic) -> CreatableTopicResult:
    answer = CreatableTopicResult(name=topic.name, topic_id=topic.topic_id, error_message=None, configs=[])
    if call.api_version >= CONFIGS_SINCE:
        answer.num_partitions = topic.partitions
        answer.replication_factor = 1
        answer.configs = [
            CreatableTopicConfigs(
                name=entry.key.name,
                value=topic.configs.get(entry.key.name, entry.value),
                read_only=entry.read_only,
                config_source=entry.source,
                is_sensitive=entry.key.sensitive,
            )
            for entry in describe_topic(topic.configs, node.settings, layers_of(node))
        ]
    return answer
