"""CreatePartitions (key 37), versions 0-3.

timeout_ms is ignored: the partitions are there when the answer leaves. Assignments must name this broker alone.
Internal topics are refused (17), where Kafka grows them: groups and transactions find their partition by its number.
Versions from 3 on are refused while the quota of changes is used up (89); older ones are carried out and throttled.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.topics.machine import CreatePartitions, check_growth
from neuraxis.broker.new_topics import check_assignment, check_new_partitions
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

STRICT_SINCE = 3
"""The first version whose clients know THROTTLING_QUOTA_EXCEEDED."""


@handles(CreatePartitionsRequest, versions="0-3", needs="ALTER topic")
def create_partitions(node: Node, call: Call, request: CreatePartitionsRequest) -> CreatePartitionsResponse:
    """Grow each topic to the count asked for, or say why not."""
    times = Counter(topic.name for topic in request.topics)
    quota = node.quotas.mutations(call.session, call.now.mono_ms, strict=call.api_version >= STRICT_SINCE)
    plans: dict[str, CreatePartitions | Refused] = {}
    planned = 0
    for topic in request.topics:
        try:
            if times[topic.name] > 1:
                raise Refused(ErrorCode.INVALID_REQUEST, f"The request names topic {topic.name} twice.")
            added = _added(node, topic)
            check_new_partitions(node, planned + added)
            quota.take(added)
            planned += added
            plans[topic.name] = CreatePartitions(topic.name, topic.count)
        except Refused as refused:
            plans[topic.name] = refused
    # Only after everything was checked is the first thing written.
    answers = []
    for name, plan in plans.items():
        if isinstance(plan, Refused):
            message = None if plan.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION else plan.message
            answers.append(
                CreatePartitionsTopicResult(name=name, error_code=plan.code, error_message=message)
            )
            continue
        if not request.validate_only:
            node.change_catalogue(plan, call, call.now, [name])
        answers.append(CreatePartitionsTopicResult(name=name))
    call.saw(node.catalogue.ticket)
    return CreatePartitionsResponse(throttle_time_ms=quota.throttle_ms, results=answers)


def _added(node: Node, asked: CreatePartitionsTopic) -> int:
    """How many partitions would be added. Raises `Refused`."""
    topic = node.topics.get(asked.name)
    if topic is None:
        raise Refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    check_growth(topic.fact, asked.count)
    added = asked.count - topic.fact.partitions
    if topic.internal:
        raise Refused(
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            f"{topic.name} is internal: its partitions are fixed when it is created.",
        )
    if node.store.full:
        raise Refused(ErrorCode.KAFKA_STORAGE_ERROR)
    check_new_partitions(node, added)
    if asked.assignments is not None:
        if len(asked.assignments) != added:
            raise Refused(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                f"{added} partitions are added to {topic.name}, but {len(asked.assignments)} are assigned.",
            )
        for assignment in asked.assignments:
            check_assignment(node, assignment.broker_ids)
    return added
