"""What requests about groups are asked: their topics too, and what of them is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.authorisation.authoriser import CLUSTER, CLUSTER_NAME, GROUP, TOPIC, TRANSACTIONAL_ID
from neuraxis.broker.authorisation.steps import (
    CODES,
    Asked,
    Proceed,
    Split,
    merged,
    part,
    refuse_whole,
    sorted_out,
    without,
)
from neuraxis.broker.operations import CLUSTER_ACTION, DESCRIBE
from neuraxis.wire.messages.offset_fetch import OffsetFetchResponseGroup

if TYPE_CHECKING:
    from neuraxis.broker.call import Body, Handled

GROUP_KEY, TRANSACTION_KEY = 0, 1


def group_operations(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """Describing groups: the operations shown are those of the caller."""
    answer = proceed(request)
    for group in answer.groups:
        if group.authorized_operations > 0:
            group.authorized_operations = asked.those_of(group.authorized_operations, GROUP, group.group_id)
    return answer


def subscribed_topics(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """A member's heartbeat: it may subscribe to topics that it may describe."""
    for name in sorted(set(request.subscribed_topic_names or ())):
        if not asked.allows(DESCRIBE, TOPIC, name):
            return refuse_whole(asked, request, CODES[TOPIC])
    return proceed(request)


def described_topics(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """Describing a group of the newer protocols: all topics that its members have must be the caller's to describe."""
    answer = group_operations(asked, request, proceed)
    groups = []
    for group in answer.groups:
        topics = {
            held.topic_name
            for member in group.members
            for assignment in (member.assignment, getattr(member, "target_assignment", None))
            if assignment is not None
            for held in assignment.topic_partitions
        }
        groups.append(_hidden_unless(asked, group, topics))
    answer.groups = groups
    return answer


def offset_fetch(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """OffsetFetch: DESCRIBE on each group, and on each topic that is named; of all topics the others are left out."""
    if not asked.has("groups"):
        if not asked.allows(DESCRIBE, GROUP, request.group_id):
            return refuse_whole(asked, request, CODES[GROUP])
        return _positions(asked, request, proceed)
    kept, denied = sorted_out(request.groups, lambda each: asked.allows(DESCRIBE, GROUP, each.group_id))
    answer = asked.api.response()
    for group in kept:
        (found,) = _group_positions(asked, request, group, proceed)
        answer.groups.append(found)
    for group in denied:
        answer.groups.append(OffsetFetchResponseGroup(group.group_id, error_code=CODES[GROUP]))
    return answer


def _group_positions(asked: Asked, request: Body, group: Body, proceed: Proceed) -> list[Body]:
    denied: list[Body] = []
    if group.topics is not None:
        by_id = asked.call.api_version >= 10
        kept: list[Body] = []
        for topic in group.topics:
            name = topic.name
            if by_id:
                name = asked.topic_name(topic.topic_id)
            allowed = name is None or asked.allows(DESCRIBE, TOPIC, name)
            (kept if allowed else denied).append(topic)
        group = part(group, "topics", kept)
    answer: list[Body] = proceed(part(request, "groups", [group])).groups
    (found,) = answer
    if group.topics is None:
        found.topics = [each for each in found.topics if asked.would_allow(DESCRIBE, TOPIC, each.name)]
    elif denied and not found.error_code:
        refused = asked.refused(part(request, "groups", [part(group, "topics", denied)]), CODES[TOPIC])
        found.topics = [*found.topics, *refused.groups[0].topics]
    return answer


def _positions(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    if request.topics is None:
        answer = proceed(request)
        answer.topics = [each for each in answer.topics if asked.would_allow(DESCRIBE, TOPIC, each.name)]
        return answer
    kept, denied = sorted_out(request.topics, lambda each: asked.allows(DESCRIBE, TOPIC, each.name))
    answer = proceed(part(request, "topics", kept))
    if denied:
        answer.topics = [
            *answer.topics,
            *asked.refused(part(request, "topics", denied), CODES[TOPIC]).topics,
        ]
    return answer


def share_offsets(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """DescribeShareGroupOffsets: DESCRIBE on each group and topic; of all topics the others are left out."""
    kept, denied = sorted_out(request.groups, lambda each: asked.allows(DESCRIBE, GROUP, each.group_id))
    answer = asked.api.response()
    for group in kept:
        hidden: list[Body] = []
        if group.topics is not None:
            allowed = [(topic, asked.allows(DESCRIBE, TOPIC, topic.topic_name)) for topic in group.topics]
            hidden = [topic for topic, yes in allowed if not yes]
            group = part(group, "topics", [topic for topic, yes in allowed if yes])
        found = proceed(part(request, "groups", [group])).groups[0]
        found.topics = [each for each in found.topics if asked.would_allow(DESCRIBE, TOPIC, each.topic_name)]
        if hidden:
            refused = asked.refused(part(request, "groups", [part(group, "topics", hidden)]), CODES[TOPIC])
            for topic in refused.groups[0].topics:
                for partition in topic.partitions:
                    partition.leader_epoch = 0
            found.topics = [*found.topics, *refused.groups[0].topics]
        answer.groups.append(found)
    if denied:
        nameless = [part(group, "topics", []) for group in denied]
        answer = merged(answer, asked.refused(part(request, "groups", nameless), CODES[GROUP]))
    return answer


def coordinator(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """FindCoordinator: DESCRIBE on the group or transactional id; share partitions are for brokers (CLUSTER_ACTION)."""
    kind, operation = {
        GROUP_KEY: (GROUP, DESCRIBE),
        TRANSACTION_KEY: (TRANSACTIONAL_ID, DESCRIBE),
    }.get(request.key_type, (CLUSTER, CLUSTER_ACTION))

    def allowed(key: str) -> bool:
        return asked.allows(operation, kind, CLUSTER_NAME if kind == CLUSTER else key)

    if not asked.has("coordinator_keys"):
        if allowed(request.key):
            return proceed(request)
        answer = asked.refused(request, CODES[kind])
        answer.node_id = answer.port = -1
        return answer
    kept, denied = sorted_out(request.coordinator_keys, allowed)
    answer = without(asked, request, Split("coordinator_keys", kept, denied), CODES[kind], proceed)
    for each in answer.coordinators:
        if each.error_code:
            each.node_id = each.port = -1
    return answer


def topology_topics(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """A streams member's heartbeat: DESCRIBE on all topics of its topology."""
    if request.topology is None:
        return proceed(request)
    read: set[str] = set()
    made: set[str] = set()
    for part_of_it in request.topology.subtopologies:
        read |= set(part_of_it.source_topics) | set(part_of_it.repartition_sink_topics)
        made |= {topic.name for topic in part_of_it.repartition_source_topics}
        made |= {topic.name for topic in part_of_it.state_changelog_topics}
    for name in sorted(read | made):
        if not asked.allows(DESCRIBE, TOPIC, name):
            return refuse_whole(asked, request, CODES[TOPIC])
    return proceed(request)


def described_topology(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """StreamsGroupDescribe: all topics of the topology must be the caller's to describe."""
    answer = group_operations(asked, request, proceed)
    groups = []
    for group in answer.groups:
        names = set()
        for part_of_it in () if group.topology is None else group.topology.subtopologies or ():
            names |= set(part_of_it.source_topics) | set(part_of_it.repartition_sink_topics)
            names |= {topic.name for topic in part_of_it.repartition_source_topics}
            names |= {topic.name for topic in part_of_it.state_changelog_topics}
        groups.append(_hidden_unless(asked, group, names))
    answer.groups = groups
    return answer


def _hidden_unless(asked: Asked, group: Body, topics: set[str]) -> Body:
    """The group, or that it cannot be shown to who may not describe all of these topics."""
    if all(asked.would_allow(DESCRIBE, TOPIC, name) for name in sorted(topics)):
        return group
    hidden = type(group)(group_id=group.group_id)
    hidden.error_code = CODES[TOPIC]
    hidden.error_message = "The group reads topics that the principal may not describe."
    return hidden
