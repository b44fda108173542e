"""StreamsGroupHeartbeat (key 88), versions 0-1: join, stay in and leave a streams group (KIP-1071).

v1 acceptable recovery lag as int64. The rules are in `coordinators/streams`. Topics that the topology needs and that are
missing are made when the heartbeat is decided, so that the next one finds them, as in Kafka; its answer says at once which
could not be made. Not done: source topics by expression and new topologies for a group that has one (42; Kafka too).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import features
from neuraxis.broker.authorisation.authoriser import CLUSTER, TOPIC
from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.streams.commands import StreamsHeartbeat
from neuraxis.broker.coordinators.streams.state import Endpoint, Progress, TaskId
from neuraxis.broker.coordinators.streams.topology import (
    Copartition,
    StatusCode,
    Subtopology,
    TopicInfo,
    Topology,
)
from neuraxis.broker.new_topics import check_new_partitions, plan_topic
from neuraxis.broker.operations import CREATE
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages import streams_group_heartbeat as wire
from neuraxis.wire.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.node import Node

LAG_IN_64_BITS_FROM = 1
NEEDS = "READ group; DESCRIBE topics of the topology; CREATE for those it lacks"


@handles(StreamsGroupHeartbeatRequest, versions="0-1", needs=NEEDS)
def streams_group_heartbeat(node: Node, call: Call, request: StreamsGroupHeartbeatRequest) -> Handled:
    """Decide at once: this call is never parked."""
    if not features.is_on(node.catalogue.read(call).cluster.features, features.STREAMS_VERSION):
        return StreamsGroupHeartbeatResponse(
            error_code=ErrorCode.UNSUPPORTED_VERSION, error_message=features.STREAMS_ARE_OFF
        )
    if node.store.full:
        code = ErrorCode.COORDINATOR_NOT_AVAILABLE  # retriable: clients ask again until there is space
        return StreamsGroupHeartbeatResponse(
            error_code=code, error_message="The disk is full; free some space."
        )
    shard = node.group_shard(request.group_id, call.now)
    try:
        answer: StreamsGroupHeartbeatResponse = shard.execute(_command(call, request), call, call.now)
    except Refused as refused:
        call.saw(shard.ticket)
        return StreamsGroupHeartbeatResponse(error_code=refused.code, error_message=refused.message)
    _make_topics(node, call, request.group_id, answer)
    if call.api_version < LAG_IN_64_BITS_FROM:
        answer.acceptable_recovery_lag = -1  # there it has no field; Kafka leaves the old one 0
    return answer


def _make_topics(node: Node, call: Call, group_id: str, answer: StreamsGroupHeartbeatResponse) -> None:
    """Make the topics that the group lacks, each on its own; say in the status why one could not be made."""
    missing = [each for each in answer.status or () if each.status_code == StatusCode.MISSING_INTERNAL_TOPICS]
    group = node.group_shard(group_id, call.now).state.groups.get(group_id)
    if not missing or group is None or group.streams is None or group.streams.configured is None:
        return
    failures = []
    made = 0
    for info in group.streams.configured.create:
        if not _may_create(node, call, info.name):
            failures.append(f"{info.name} (the principal may not create it)")
            continue
        try:
            plan = plan_topic(
                node,
                info.name,
                info.partitions,
                info.replication_factor if info.replication_factor > 0 else -1,
                {},
                dict(info.configs),
            )
            check_new_partitions(node, plan.partitions, made)
            made += plan.partitions
            node.change_catalogue(plan, call, call.now, [info.name])
        except Refused as refused:
            failures.append(f"{info.name} ({refused.message})")
    if failures:
        missing[0].status_detail += f"; these could not be made: {', '.join(failures)}"


def _may_create(node: Node, call: Call, name: str) -> bool:
    guard = node.guard
    return (
        guard is None or guard.would_allow(call, CREATE, CLUSTER) or guard.allows(call, CREATE, TOPIC, name)
    )


def _command(call: Call, request: StreamsGroupHeartbeatRequest) -> StreamsHeartbeat:
    tags, endpoint = request.client_tags, request.user_endpoint
    progress = None
    if request.task_offsets is not None or request.task_end_offsets is not None:
        progress = Progress(_offsets(request.task_offsets), _offsets(request.task_end_offsets))
    return StreamsHeartbeat(
        token=call.token,
        group_id=request.group_id,
        member_id=request.member_id,
        member_epoch=request.member_epoch,
        endpoint_epoch=request.endpoint_information_epoch,
        instance_id=request.instance_id,
        rack_id=request.rack_id,
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        topology=None if request.topology is None else _topology(request.topology),
        active=_tasks(request.active_tasks),
        standby=_tasks(request.standby_tasks),
        warmup=_tasks(request.warmup_tasks),
        process_id=request.process_id,
        endpoint=None if endpoint is None else Endpoint(endpoint.host, endpoint.port),
        client_tags=None if tags is None else tuple((tag.key, tag.value) for tag in tags),
        progress=progress,
        shutdown=request.shutdown_application,
        client_id=call.client_id or "",
        client_host=f"/{call.session.host}",
        api_version=call.api_version,
    )


def _tasks(tasks: Iterable[wire.TaskIds] | None) -> frozenset[TaskId] | None:
    if tasks is None:
        return None
    return frozenset((each.subtopology_id, partition) for each in tasks for partition in each.partitions)


def _offsets(offsets: Iterable[wire.TaskOffset] | None) -> tuple[tuple[str, int, int], ...]:
    return tuple((each.subtopology_id, each.partition, each.offset) for each in offsets or ())


def _topology(topology: wire.Topology) -> Topology:
    return Topology(
        topology.epoch,
        tuple(
            Subtopology(
                each.subtopology_id,
                tuple(each.source_topics),
                tuple(each.source_topic_regex),
                tuple(_info(info) for info in each.state_changelog_topics),
                tuple(each.repartition_sink_topics),
                tuple(_info(info) for info in each.repartition_source_topics),
                tuple(
                    Copartition(
                        tuple(group.source_topics),
                        tuple(group.source_topic_regex),
                        tuple(group.repartition_source_topics),
                    )
                    for group in each.copartition_groups
                ),
            )
            for each in topology.subtopologies
        ),
    )


def _info(info: wire.TopicInfo) -> TopicInfo:
    configs = tuple((config.key, config.value) for config in info.topic_configs)
    return TopicInfo(info.name, info.partitions, info.replication_factor, configs)
