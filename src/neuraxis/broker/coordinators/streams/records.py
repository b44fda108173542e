"""The facts of streams groups as records of `__consumer_offsets`, in Kafka's own form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams.facts import (
    Epoch,
    StreamsCurrentFact,
    StreamsEpochFact,
    StreamsFact,
    StreamsMemberFact,
    StreamsTargetEpochFact,
    StreamsTargetFact,
    StreamsTopologyFact,
    TargetEpoch,
)
from neuraxis.broker.coordinators.streams.state import Current, Duties, Endpoint, MemberState, StreamsMember
from neuraxis.broker.coordinators.streams.topology import Copartition, Subtopology, TopicInfo, Topology
from neuraxis.wire.codec import decode
from neuraxis.wire.facts import decode_fact as decode_value
from neuraxis.wire.facts import encode_fact as encode_record
from neuraxis.wire.facts import streams_group as wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from neuraxis.broker.coordinators.streams.state import TaskId

STANDBY_REPLICAS = "num.standby.replicas"
HeldTasks = wire.StreamsGroupCurrentMemberAssignmentValueTaskIds


def encode_fact(fact: StreamsFact) -> tuple[bytes, bytes | None]:
    """Key and value of the record that keeps the fact."""
    key: object
    value: object
    if isinstance(fact, StreamsEpochFact):
        key = wire.StreamsGroupMetadataKey(fact.group_id)
        value = fact.value and _epoch_value(fact.value)
    elif isinstance(fact, StreamsMemberFact):
        key = wire.StreamsGroupMemberMetadataKey(fact.group_id, fact.member_id)
        value = fact.value and _member_value(fact.value)
    elif isinstance(fact, StreamsTargetEpochFact):
        key = wire.StreamsGroupTargetAssignmentMetadataKey(fact.group_id)
        value = fact.value and wire.StreamsGroupTargetAssignmentMetadataValue(*fact.value)
    elif isinstance(fact, StreamsTargetFact):
        key = wire.StreamsGroupTargetAssignmentMemberKey(fact.group_id, fact.member_id)
        value = None
        if fact.value is not None:
            value = wire.StreamsGroupTargetAssignmentMemberValue(*(_task_ids(tasks) for tasks in fact.value))
    elif isinstance(fact, StreamsCurrentFact):
        key = wire.StreamsGroupCurrentMemberAssignmentKey(fact.group_id, fact.member_id)
        value = fact.value and _current_value(fact.value)
    else:
        key = wire.StreamsGroupTopologyKey(fact.group_id)
        value = None if fact.value is None else _topology_value(fact.value)
    return encode_record(key), None if value is None else encode_record(value)


def _epoch_value(epoch: Epoch) -> wire.StreamsGroupMetadataValue:
    configs = None
    if epoch.standby_replicas is not None:
        configs = [wire.LastAssignmentConfig(STANDBY_REPLICAS, str(epoch.standby_replicas))]
    return wire.StreamsGroupMetadataValue(epoch.epoch, epoch.metadata_hash, epoch.validated_epoch, configs)


def _member_value(member: StreamsMember) -> wire.StreamsGroupMemberMetadataValue:
    return wire.StreamsGroupMemberMetadataValue(
        member.instance_id,
        member.rack_id,
        member.client_id,
        member.client_host,
        member.rebalance_timeout_ms,
        member.topology_epoch,
        member.process_id,
        None if member.endpoint is None else wire.Endpoint(*member.endpoint),
        [wire.KeyValue(*tag) for tag in member.client_tags],
    )


def by_subtopology(tasks: Iterable[TaskId]) -> dict[str, list[int]]:
    """Partitions by subtopology, both ascending."""
    found: dict[str, list[int]] = {}
    for name, partition in sorted(tasks):
        found.setdefault(name, []).append(partition)
    return found


def _task_ids(tasks: Iterable[TaskId]) -> list[wire.TaskIds]:
    return [wire.TaskIds(*item) for item in by_subtopology(tasks).items()]


def _held(tasks: Iterable[TaskId], since: Mapping[TaskId, int] | None) -> list[HeldTasks]:
    return [
        HeldTasks(name, found, None if since is None else [since[name, each] for each in found])
        for name, found in by_subtopology(tasks).items()
    ]


def _current_value(current: Current) -> wire.StreamsGroupCurrentMemberAssignmentValue:
    return wire.StreamsGroupCurrentMemberAssignmentValue(
        current.member_epoch,
        current.previous_epoch,
        int(current.state),
        _held(current.assigned.active, current.since),
        _held(current.assigned.standby, None),
        _held(current.assigned.warmup, None),
        _held(current.revoking.active, current.since),
        _held(current.revoking.standby, None),
        _held(current.revoking.warmup, None),
    )


def _topology_value(topology: Topology) -> wire.StreamsGroupTopologyValue:
    return wire.StreamsGroupTopologyValue(
        topology.epoch,
        [
            wire.Subtopology(
                each.name,
                list(each.sources),
                list(each.regexes),
                [_topic_info(info) for info in each.changelogs],
                list(each.sinks),
                [_topic_info(info) for info in each.repartitions],
                [wire.CopartitionGroup(*map(list, group)) for group in each.copartitions],
            )
            for each in topology.subtopologies
        ],
    )


def _topic_info(info: TopicInfo) -> wire.TopicInfo:
    configs = [wire.TopicConfig(*config) for config in info.configs]
    return wire.TopicInfo(info.name, info.partitions, info.replication_factor, configs)


def decode_fact(key: bytes, value: bytes | None) -> StreamsFact | None:
    """The fact of a record; None for a kind of record that is not of streams groups."""
    kind = int.from_bytes(key[:2], "big", signed=True)
    match kind:
        case 17:
            group_id = decode(wire.StreamsGroupMetadataKey, 0, key, 2)[0].group_id
            return StreamsEpochFact(group_id, _read_epoch(value))
        case 19:
            member = decode(wire.StreamsGroupMemberMetadataKey, 0, key, 2)[0]
            return StreamsMemberFact(member.group_id, member.member_id, _read_member(value))
        case 20:
            group_id = decode(wire.StreamsGroupTargetAssignmentMetadataKey, 0, key, 2)[0].group_id
            if value is None:
                return StreamsTargetEpochFact(group_id, None)
            made = decode_value(wire.StreamsGroupTargetAssignmentMetadataValue, value)
            return StreamsTargetEpochFact(
                group_id, TargetEpoch(made.assignment_epoch, made.assignment_timestamp)
            )
        case 21:
            target = decode(wire.StreamsGroupTargetAssignmentMemberKey, 0, key, 2)[0]
            return StreamsTargetFact(target.group_id, target.member_id, _read_target(value))
        case 22:
            named = decode(wire.StreamsGroupCurrentMemberAssignmentKey, 0, key, 2)[0]
            return StreamsCurrentFact(named.group_id, named.member_id, _read_current(value))
        case 23:
            group_id = decode(wire.StreamsGroupTopologyKey, 0, key, 2)[0].group_id
            return StreamsTopologyFact(group_id, _read_topology(value))
    return None


def _read_epoch(value: bytes | None) -> Epoch | None:
    if value is None:
        return None
    found = decode_value(wire.StreamsGroupMetadataValue, value)
    configs = {config.key: config.value for config in found.last_assignment_configs or ()}
    replicas = configs.get(STANDBY_REPLICAS)
    return Epoch(
        found.epoch,
        found.metadata_hash,
        found.validated_topology_epoch,
        None if replicas is None else int(replicas),
    )


def _read_member(value: bytes | None) -> StreamsMember | None:
    if value is None:
        return None
    found = decode_value(wire.StreamsGroupMemberMetadataValue, value)
    endpoint = found.user_endpoint
    return StreamsMember(
        found.instance_id,
        found.rack_id,
        found.client_id,
        found.client_host,
        found.rebalance_timeout_ms,
        found.topology_epoch,
        found.process_id,
        None if endpoint is None else Endpoint(endpoint.host, endpoint.port),
        tuple((tag.key, tag.value) for tag in found.client_tags),
    )


def _tasks(stored: Iterable[wire.TaskIds | HeldTasks]) -> frozenset[TaskId]:
    return frozenset((each.subtopology_id, partition) for each in stored for partition in each.partitions)


def _read_target(value: bytes | None) -> Duties | None:
    if value is None:
        return None
    found = decode_value(wire.StreamsGroupTargetAssignmentMemberValue, value)
    return Duties(_tasks(found.active_tasks), _tasks(found.standby_tasks), _tasks(found.warmup_tasks))


def _read_current(value: bytes | None) -> Current | None:
    if value is None:
        return None
    found = decode_value(wire.StreamsGroupCurrentMemberAssignmentValue, value)
    since: dict[TaskId, int] = {}
    for each in (*found.active_tasks, *found.active_tasks_pending_revocation):
        # Records of Kafka before 4.4 say nothing of the epochs at which tasks were handed out.
        epochs = each.assignment_epochs or [found.member_epoch] * len(each.partitions)
        since.update(
            ((each.subtopology_id, partition), epoch)
            for partition, epoch in zip(each.partitions, epochs, strict=True)
        )
    return Current(
        found.member_epoch,
        found.previous_member_epoch,
        MemberState(found.state),
        Duties(_tasks(found.active_tasks), _tasks(found.standby_tasks), _tasks(found.warmup_tasks)),
        Duties(
            _tasks(found.active_tasks_pending_revocation),
            _tasks(found.standby_tasks_pending_revocation),
            _tasks(found.warmup_tasks_pending_revocation),
        ),
        since,
    )


def _read_topology(value: bytes | None) -> Topology | None:
    if value is None:
        return None
    found = decode_value(wire.StreamsGroupTopologyValue, value)
    return Topology(
        found.epoch,
        tuple(
            Subtopology(
                each.subtopology_id,
                tuple(each.source_topics),
                tuple(each.source_topic_regex),
                tuple(_read_info(info) for info in each.state_changelog_topics),
                tuple(each.repartition_sink_topics),
                tuple(_read_info(info) for info in each.repartition_source_topics),
                tuple(
                    Copartition(
                        tuple(group.source_topics),
                        tuple(group.source_topic_regex),
                        tuple(group.repartition_source_topics),
                    )
                    for group in each.copartition_groups
                ),
            )
            for each in found.subtopologies
        ),
    )


def _read_info(info: wire.TopicInfo) -> TopicInfo:
    configs = tuple((config.key, config.value) for config in info.topic_configs)
    return TopicInfo(info.name, info.partitions, info.replication_factor, configs)
