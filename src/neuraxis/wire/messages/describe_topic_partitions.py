"""DescribeTopicPartitions (key 75): topics and partitions, page by page."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, boolean, int16, int32, message, string, struct, struct_of, uuid


@struct
class TopicRequest:
    name: str = string()


@struct
class Cursor:
    topic_name: str = string()
    partition_index: int = int32()


@message(key=75, valid="0", flexible="0+")
class DescribeTopicPartitionsRequest:
    topics: list[TopicRequest] = array_of(TopicRequest)
    response_partition_limit: int = int32(default=2000)
    cursor: Cursor | None = struct_of(Cursor, nullable="0+", default=None)


@struct
class DescribeTopicPartitionsResponsePartition:
    error_code: int = int16()
    partition_index: int = int32()
    leader_id: int = int32()
    leader_epoch: int = int32(default=-1)
    replica_nodes: list[int] = array_of(int32)
    isr_nodes: list[int] = array_of(int32)
    eligible_leader_replicas: list[int] | None = array_of(int32, nullable="0+", default=None)
    last_known_elr: list[int] | None = array_of(int32, nullable="0+", default=None)
    offline_replicas: list[int] = array_of(int32)


@struct
class DescribeTopicPartitionsResponseTopic:
    error_code: int = int16()
    name: str | None = string(nullable="0+")
    topic_id: bytes = uuid()
    is_internal: bool = boolean()
    partitions: list[DescribeTopicPartitionsResponsePartition] = array_of(
        DescribeTopicPartitionsResponsePartition
    )
    topic_authorized_operations: int = int32(default=-2147483648)


@message(key=75, valid="0", flexible="0+")
class DescribeTopicPartitionsResponse:
    throttle_time_ms: int = int32()
    topics: list[DescribeTopicPartitionsResponseTopic] = array_of(DescribeTopicPartitionsResponseTopic)
    next_cursor: Cursor | None = struct_of(Cursor, nullable="0+", default=None)
