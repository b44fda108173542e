"""Streams groups (KIP-1071), in __consumer_offsets."""

from __future__ import annotations

from neuraxis.wire.schema import (
    array_of,
    int8,
    int16,
    int32,
    int64,
    message,
    string,
    struct,
    struct_of,
    uint16,
)


@message(key=17, valid="0", kind="coordinator-key")
class StreamsGroupMetadataKey:
    group_id: str = string()


@struct
class LastAssignmentConfig:
    key: str = string()
    value: str = string()


@message(key=17, valid="0", flexible="0+", kind="coordinator-value")
class StreamsGroupMetadataValue:
    epoch: int = int32()
    metadata_hash: int = int64()
    validated_topology_epoch: int = int32(tag=0, default=-1)
    last_assignment_configs: list[LastAssignmentConfig] | None = array_of(
        LastAssignmentConfig, nullable="0+", tag=1, default=None
    )
    stored_description_topology_epoch: int = int32(tag=2, default=-1)
    failed_description_topology_epoch: int = int32(tag=3, default=-1)


@message(key=19, valid="0", kind="coordinator-key")
class StreamsGroupMemberMetadataKey:
    group_id: str = string()
    member_id: str = string()


@struct
class Endpoint:
    host: str = string()
    port: int = uint16()


@struct
class KeyValue:
    key: str = string()
    value: str = string()


@message(key=19, valid="0", flexible="0+", kind="coordinator-value")
class StreamsGroupMemberMetadataValue:
    instance_id: str | None = string(nullable="0+")
    rack_id: str | None = string(nullable="0+")
    client_id: str = string()
    client_host: str = string()
    rebalance_timeout_ms: int = int32(default=-1)
    topology_epoch: int = int32()
    process_id: str = string()
    user_endpoint: Endpoint | None = struct_of(Endpoint, nullable="0+", default=None)
    client_tags: list[KeyValue] = array_of(KeyValue)


@message(key=20, valid="0", kind="coordinator-key")
class StreamsGroupTargetAssignmentMetadataKey:
    group_id: str = string()


@message(key=20, valid="0", flexible="0+", kind="coordinator-value")
class StreamsGroupTargetAssignmentMetadataValue:
    assignment_epoch: int = int32()
    assignment_timestamp: int = int64(tag=0)


@message(key=21, valid="0", kind="coordinator-key")
class StreamsGroupTargetAssignmentMemberKey:
    group_id: str = string()
    member_id: str = string()


@struct
class TaskIds:
    subtopology_id: str = string()
    partitions: list[int] = array_of(int32)


@message(key=21, valid="0", flexible="0+", kind="coordinator-value")
class StreamsGroupTargetAssignmentMemberValue:
    active_tasks: list[TaskIds] = array_of(TaskIds)
    standby_tasks: list[TaskIds] = array_of(TaskIds)
    warmup_tasks: list[TaskIds] = array_of(TaskIds)


@message(key=22, valid="0", kind="coordinator-key")
class StreamsGroupCurrentMemberAssignmentKey:
    group_id: str = string()
    member_id: str = string()


@struct
class StreamsGroupCurrentMemberAssignmentValueTaskIds:
    subtopology_id: str = string()
    partitions: list[int] = array_of(int32)
    assignment_epochs: list[int] | None = array_of(int32, nullable="0+", tag=0, default=None)


@message(key=22, valid="0", flexible="0+", kind="coordinator-value")
class StreamsGroupCurrentMemberAssignmentValue:
    member_epoch: int = int32()
    previous_member_epoch: int = int32()
    state: int = int8()
    active_tasks: list[StreamsGroupCurrentMemberAssignmentValueTaskIds] = array_of(
        StreamsGroupCurrentMemberAssignmentValueTaskIds
    )
    standby_tasks: list[StreamsGroupCurrentMemberAssignmentValueTaskIds] = array_of(
        StreamsGroupCurrentMemberAssignmentValueTaskIds
    )
    warmup_tasks: list[StreamsGroupCurrentMemberAssignmentValueTaskIds] = array_of(
        StreamsGroupCurrentMemberAssignmentValueTaskIds
    )
    active_tasks_pending_revocation: list[StreamsGroupCurrentMemberAssignmentValueTaskIds] = array_of(
        StreamsGroupCurrentMemberAssignmentValueTaskIds
    )
    standby_tasks_pending_revocation: list[StreamsGroupCurrentMemberAssignmentValueTaskIds] = array_of(
        StreamsGroupCurrentMemberAssignmentValueTaskIds
    )
    warmup_tasks_pending_revocation: list[StreamsGroupCurrentMemberAssignmentValueTaskIds] = array_of(
        StreamsGroupCurrentMemberAssignmentValueTaskIds
    )


@message(key=23, valid="0", kind="coordinator-key")
class StreamsGroupTopologyKey:
    group_id: str = string()


@struct
class TopicConfig:
    key: str = string()
    value: str = string()


@struct
class TopicInfo:
    name: str = string()
    partitions: int = int32()
    replication_factor: int = int16()
    topic_configs: list[TopicConfig] = array_of(TopicConfig)


@struct
class CopartitionGroup:
    source_topics: list[int] = array_of(int16)
    source_topic_regex: list[int] = array_of(int16)
    repartition_source_topics: list[int] = array_of(int16)


@struct
class Subtopology:
    subtopology_id: str = string()
    source_topics: list[str] = array_of(string)
    source_topic_regex: list[str] = array_of(string)
    state_changelog_topics: list[TopicInfo] = array_of(TopicInfo)
    repartition_sink_topics: list[str] = array_of(string)
    repartition_source_topics: list[TopicInfo] = array_of(TopicInfo)
    copartition_groups: list[CopartitionGroup] = array_of(CopartitionGroup)


@message(key=23, valid="0", flexible="0+", kind="coordinator-value")
class StreamsGroupTopologyValue:
    epoch: int = int32()
    subtopologies: list[Subtopology] = array_of(Subtopology)
