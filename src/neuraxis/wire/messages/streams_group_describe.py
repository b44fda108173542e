"""StreamsGroupDescribe (key 89): state, topology and members of streams groups."""

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


@message(key=89, valid="0-1", flexible="0+")
class StreamsGroupDescribeRequest:
    group_ids: list[str] = array_of(string)
    include_authorized_operations: bool = boolean()
    include_topology_description: bool = boolean("1+")


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
class Subtopology:
    subtopology_id: str = string()
    source_topics: list[str] = array_of(string)
    repartition_sink_topics: list[str] = array_of(string)
    state_changelog_topics: list[TopicInfo] = array_of(TopicInfo)
    repartition_source_topics: list[TopicInfo] = array_of(TopicInfo)


@struct
class Topology:
    epoch: int = int32()
    subtopologies: list[Subtopology] | None = array_of(Subtopology, nullable="0+", default=None)


@struct
class Endpoint:
    host: str = string()
    port: int = uint16()


@struct
class TaskOffset:
    subtopology_id: str = string()
    partition: int = int32()
    offset: int = int64()


@struct
class TaskIds:
    subtopology_id: str = string()
    partitions: list[int] = array_of(int32)


@struct
class Assignment:
    active_tasks: list[TaskIds] = array_of(TaskIds)
    standby_tasks: list[TaskIds] = array_of(TaskIds)
    warmup_tasks: list[TaskIds] = array_of(TaskIds)


@struct
class Member:
    member_id: str = string()
    member_epoch: int = int32()
    instance_id: str | None = string(nullable="0+", default=None)
    rack_id: str | None = string(nullable="0+", default=None)
    client_id: str = string()
    client_host: str = string()
    topology_epoch: int = int32()
    process_id: str = string()
    user_endpoint: Endpoint | None = struct_of(Endpoint, nullable="0+", default=None)
    client_tags: list[KeyValue] = array_of(KeyValue)
    task_offsets: list[TaskOffset] = array_of(TaskOffset)
    task_end_offsets: list[TaskOffset] = array_of(TaskOffset)
    assignment: Assignment = struct_of(Assignment)
    target_assignment: Assignment = struct_of(Assignment)
    is_classic: bool = boolean()


@struct
class TopologyDescriptionNode:
    name: str = string("1+")
    node_type: int = int8("1+")
    source_topics: list[str] = array_of(string, "1+")
    sink_topic: str | None = string("1+", nullable="1+", default=None)
    stores: list[str] = array_of(string, "1+")
    successors: list[str] = array_of(string, "1+")


@struct
class TopologyDescriptionSubtopology:
    subtopology_id: str = string("1+")
    nodes: list[TopologyDescriptionNode] = array_of(TopologyDescriptionNode, "1+")


@struct
class TopologyDescriptionGlobalStore:
    source: TopologyDescriptionNode = struct_of(TopologyDescriptionNode, "1+")
    processor: TopologyDescriptionNode = struct_of(TopologyDescriptionNode, "1+")


@struct
class TopologyDescription:
    subtopologies: list[TopologyDescriptionSubtopology] = array_of(TopologyDescriptionSubtopology, "1+")
    global_stores: list[TopologyDescriptionGlobalStore] = array_of(TopologyDescriptionGlobalStore, "1+")


@struct
class DescribedGroup:
    error_code: int = int16()
    error_message: str | None = string(nullable="0+", default=None)
    group_id: str = string()
    group_state: str = string()
    group_epoch: int = int32()
    assignment_epoch: int = int32()
    topology: Topology | None = struct_of(Topology, nullable="0+", default=None)
    members: list[Member] = array_of(Member)
    authorized_operations: int = int32(default=-2147483648)
    topology_description: TopologyDescription | None = struct_of(
        TopologyDescription, "1+", nullable="1+", default=None
    )
    topology_description_status: int = int8("1+")
    assignor_name: str | None = string("1+", nullable="1+", default=None)


@message(key=89, valid="0-1", flexible="0+")
class StreamsGroupDescribeResponse:
    throttle_time_ms: int = int32()
    groups: list[DescribedGroup] = array_of(DescribedGroup)
