"""StreamsGroupHeartbeat (key 88): join, stay in and leave a streams group (KIP-1071)."""

from __future__ import annotations

from neuraxis.wire.schema import (
    array_of,
    boolean,
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


@struct
class KeyValue:
    key: str = string()
    value: str = string()


@struct
class TopicInfo:
    name: str = string()
    partitions: int = int32()
    replication_factor: int = int16()
    topic_configs: list[KeyValue] = array_of(KeyValue)


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


@struct
class Topology:
    epoch: int = int32()
    subtopologies: list[Subtopology] = array_of(Subtopology)


@struct
class TaskIds:
    subtopology_id: str = string()
    partitions: list[int] = array_of(int32)


@struct
class Endpoint:
    host: str = string()
    port: int = uint16()


@struct
class TaskOffset:
    subtopology_id: str = string()
    partition: int = int32()
    offset: int = int64()


@message(key=88, valid="0-1", flexible="0+")
class StreamsGroupHeartbeatRequest:
    group_id: str = string()
    member_id: str = string()
    member_epoch: int = int32()
    endpoint_information_epoch: int = int32()
    instance_id: str | None = string(nullable="0+", default=None)
    rack_id: str | None = string(nullable="0+", default=None)
    rebalance_timeout_ms: int = int32(default=-1)
    topology: Topology | None = struct_of(Topology, nullable="0+", default=None)
    active_tasks: list[TaskIds] | None = array_of(TaskIds, nullable="0+", default=None)
    standby_tasks: list[TaskIds] | None = array_of(TaskIds, nullable="0+", default=None)
    warmup_tasks: list[TaskIds] | None = array_of(TaskIds, nullable="0+", default=None)
    process_id: str | None = string(nullable="0+", default=None)
    user_endpoint: Endpoint | None = struct_of(Endpoint, nullable="0+", default=None)
    client_tags: list[KeyValue] | None = array_of(KeyValue, nullable="0+", default=None)
    task_offsets: list[TaskOffset] | None = array_of(TaskOffset, nullable="0+", default=None)
    task_end_offsets: list[TaskOffset] | None = array_of(TaskOffset, nullable="0+", default=None)
    shutdown_application: bool = boolean()


@struct
class Status:
    status_code: int = int8()
    status_detail: str = string()


@struct
class TopicPartition:
    topic: str = string()
    partitions: list[int] = array_of(int32)


@struct
class EndpointToPartitions:
    user_endpoint: Endpoint = struct_of(Endpoint)
    active_partitions: list[TopicPartition] = array_of(TopicPartition)
    standby_partitions: list[TopicPartition] = array_of(TopicPartition)


@message(key=88, valid="0-1", flexible="0+")
class StreamsGroupHeartbeatResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+", default=None)
    member_id: str = string()
    member_epoch: int = int32()
    heartbeat_interval_ms: int = int32()
    acceptable_recovery_lag_legacy: int = int32("0")
    task_offset_interval_ms: int = int32()
    acceptable_recovery_lag: int = int64("1+", default=-1)
    status: list[Status] | None = array_of(Status, nullable="0+")
    active_tasks: list[TaskIds] | None = array_of(TaskIds, nullable="0+", default=None)
    standby_tasks: list[TaskIds] | None = array_of(TaskIds, nullable="0+", default=None)
    warmup_tasks: list[TaskIds] | None = array_of(TaskIds, nullable="0+", default=None)
    topology_description_required: bool = boolean("1+")
    endpoint_information_epoch: int = int32()
    partitions_by_user_endpoint: list[EndpointToPartitions] | None = array_of(
        EndpointToPartitions, nullable="0+", default=None
    )
