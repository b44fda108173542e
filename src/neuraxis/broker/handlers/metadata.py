"""Metadata (key 3), versions 0-13.

v0 an empty list means all topics, later null does; v1 internal topics, controller; v2 cluster id; v4 the client decides on
auto-creation; v5 offline replicas; v7 leader epochs; v8 authorised operations; v10 topic ids; v12 asking by id.
A topic created by asking is there at once: its answer is the topic, where Kafka answers 3 and lets the client ask again.
A request that names neither name nor id is 42 (Kafka: -1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.new_topics import check_name, check_new_partitions, plan_topic
from neuraxis.broker.node import OFFSETS_TOPIC
from neuraxis.broker.operations import CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node, Topic

NO_ID = bytes(16)
IDS_SINCE = 12
"""The first version in which a client may ask by topic id (10 and 11 carry the field, and mean names)."""


@handles(MetadataRequest, versions="0-13", needs="DESCRIBE topic")
def metadata(node: Node, call: Call, request: MetadataRequest) -> MetadataResponse:
    """The broker, and the topics asked for; unknown ones are created when client and broker both allow it."""
    asked = request.topics
    if asked and _malformed(asked, call.api_version):
        return MetadataResponse(
            topics=[
                MetadataResponseTopic(
                    error_code=ErrorCode.INVALID_REQUEST,
                    name=topic.name or "",
                    topic_id=topic.topic_id,
                )
                for topic in asked
            ]
        )
    if asked is None or (not asked and call.api_version == 0):
        topics = [_topic(node, topic, request) for topic in node.topics.values()]
    else:
        topics = _asked(node, call, request, asked)
    call.saw(node.catalogue.ticket)
    listener = node.listener_of(call.session)
    return MetadataResponse(
        brokers=[
            MetadataResponseBroker(
                node_id=node.node_id,
                host=listener.advertised_host,
                port=listener.advertised_port,
                rack=node.settings.string("broker.rack") or None,
            )
        ],
        cluster_id=node.cluster_id,
        controller_id=node.node_id,
        topics=topics,
        cluster_authorized_operations=(
            CLUSTER_OPERATIONS if request.include_cluster_authorized_operations else NOT_ASKED
        ),
    )


def _malformed(asked: list[MetadataRequestTopic], version: int) -> bool:
    """Whether a topic is named by nothing, or by an id in a version that has none."""
    return any(
        (topic.topic_id != NO_ID and version < IDS_SINCE) or (topic.topic_id == NO_ID and topic.name is None)
        for topic in asked
    )


def _asked(
    node: Node, call: Call, request: MetadataRequest, asked: list[MetadataRequestTopic]
) -> list[MetadataResponseTopic]:
    ids = dict.fromkeys(topic.topic_id for topic in asked if topic.topic_id != NO_ID)
    if ids:
        # As in Kafka, one id in the request makes it a request by id; names beside it are not looked at.
        answers = []
        for topic_id in ids:
            found = node.topics_by_id.get(topic_id)
            if found is None:
                answers.append(
                    MetadataResponseTopic(error_code=ErrorCode.UNKNOWN_TOPIC_ID, name=None, topic_id=topic_id)
                )
            else:
                answers.append(_topic(node, found, request))
        return answers
    names = dict.fromkeys(topic.name for topic in asked if topic.name is not None)
    may_create = request.allow_auto_topic_creation and node.settings.boolean("auto.create.topics.enable")
    had = len(node.partitions)
    answers = []
    for name in names:
        try:
            served = node.topics.get(name) or _missing(node, call, name, had if may_create else None)
        except Refused as refused:
            missing = MetadataResponseTopic(error_code=refused.code, name=name)
            missing.topic_authorized_operations = _operations(request)
            answers.append(missing)
        else:
            answers.append(_topic(node, served, request))
    return answers


def _missing(node: Node, call: Call, name: str, had: int | None) -> Topic:
    """Create a topic that is not there, if that is allowed; `had` is how many partitions there were before, None if not."""
    check_name(name)
    if had is None:
        raise Refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    if name == OFFSETS_TOPIC:
        node.group_shard("", call.now)
    else:
        plan = plan_topic(node, name)
        check_new_partitions(node, plan.partitions, len(node.partitions) - had)
        within_quota(node, call, plan.partitions)
        node.change_catalogue(plan, call, call.now, [name])
    return node.topics[name]


def within_quota(node: Node, call: Call, partitions: int) -> None:
    """Refuse (3), as Kafka does, to create by the way what the quota of changes leaves no room for now."""
    try:
        node.quotas.mutations(call.session, call.now.mono_ms, strict=True).take(partitions)
    except Refused:
        raise Refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) from None


def _topic(node: Node, topic: Topic, request: MetadataRequest) -> MetadataResponseTopic:
    replicas = [node.node_id]
    return MetadataResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.internal,
        partitions=[
            MetadataResponsePartition(
                partition_index=partition.index,
                leader_id=node.node_id,
                leader_epoch=partition.leader_epoch,
                replica_nodes=replicas,
                isr_nodes=replicas,
            )
            for partition in topic.partitions
        ],
        topic_authorized_operations=_operations(request),
    )


def _operations(request: MetadataRequest) -> int:
    """What the client may do to a topic, if it asked; also to one that is not there, as Kafka answers."""
    return TOPIC_OPERATIONS if request.include_topic_authorized_operations else NOT_ASKED
