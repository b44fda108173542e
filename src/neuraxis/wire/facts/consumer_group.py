"""Consumer groups of the newer protocol (KIP-848), in __consumer_offsets."""

from __future__ import annotations

from neuraxis.wire.schema import (
    array_of,
    bytes_,
    int8,
    int32,
    int64,
    message,
    string,
    struct,
    struct_of,
    uuid,
)


@message(key=3, valid="0", kind="coordinator-key")
class ConsumerGroupMetadataKey:
    group_id: str = string()


@message(key=3, valid="0", flexible="0+", kind="coordinator-value")
class ConsumerGroupMetadataValue:
    epoch: int = int32()
    metadata_hash: int = int64(tag=0)


@message(key=4, valid="0", kind="coordinator-key")
class ConsumerGroupPartitionMetadataKey:
    group_id: str = string()


@struct
class PartitionMetadata:
    partition: int = int32()
    racks: list[str] = array_of(string)


@struct
class TopicMetadata:
    topic_id: bytes = uuid()
    topic_name: str = string()
    num_partitions: int = int32()
    partition_metadata: list[PartitionMetadata] = array_of(PartitionMetadata)


@message(key=4, valid="0", flexible="0+", kind="coordinator-value")
class ConsumerGroupPartitionMetadataValue:
    topics: list[TopicMetadata] = array_of(TopicMetadata)


@message(key=5, valid="0", kind="coordinator-key")
class ConsumerGroupMemberMetadataKey:
    group_id: str = string()
    member_id: str = string()


@struct
class ClassicProtocol:
    name: str = string()
    metadata: bytes = bytes_()


@struct
class ClassicMemberMetadata:
    session_timeout_ms: int = int32()
    supported_protocols: list[ClassicProtocol] = array_of(ClassicProtocol)


@message(key=5, valid="0", flexible="0+", kind="coordinator-value")
class ConsumerGroupMemberMetadataValue:
    instance_id: str | None = string(nullable="0+")
    rack_id: str | None = string(nullable="0+")
    client_id: str = string()
    client_host: str = string()
    subscribed_topic_names: list[str] = array_of(string)
    subscribed_topic_regex: str | None = string(nullable="0+")
    rebalance_timeout_ms: int = int32(default=-1)
    server_assignor: str | None = string(nullable="0+")
    classic_member_metadata: ClassicMemberMetadata | None = struct_of(
        ClassicMemberMetadata, nullable="0+", tag=0
    )


@message(key=6, valid="0", kind="coordinator-key")
class ConsumerGroupTargetAssignmentMetadataKey:
    group_id: str = string()


@message(key=6, valid="0", flexible="0+", kind="coordinator-value")
class ConsumerGroupTargetAssignmentMetadataValue:
    assignment_epoch: int = int32()
    assignment_timestamp: int = int64(tag=0)


@message(key=7, valid="0", kind="coordinator-key")
class ConsumerGroupTargetAssignmentMemberKey:
    group_id: str = string()
    member_id: str = string()


@struct
class TopicPartition:
    topic_id: bytes = uuid()
    partitions: list[int] = array_of(int32)


@message(key=7, valid="0", flexible="0+", kind="coordinator-value")
class ConsumerGroupTargetAssignmentMemberValue:
    topic_partitions: list[TopicPartition] = array_of(TopicPartition)


@message(key=8, valid="0", kind="coordinator-key")
class ConsumerGroupCurrentMemberAssignmentKey:
    group_id: str = string()
    member_id: str = string()


@struct
class TopicPartitions:
    topic_id: bytes = uuid()
    partitions: list[int] = array_of(int32)
    assignment_epochs: list[int] | None = array_of(int32, nullable="0+", tag=0, default=None)


@message(key=8, valid="0", flexible="0+", kind="coordinator-value")
class ConsumerGroupCurrentMemberAssignmentValue:
    member_epoch: int = int32()
    previous_member_epoch: int = int32()
    state: int = int8()
    assigned_partitions: list[TopicPartitions] = array_of(TopicPartitions)
    partitions_pending_revocation: list[TopicPartitions] = array_of(TopicPartitions)


@message(key=16, valid="0", kind="coordinator-key")
class ConsumerGroupRegularExpressionKey:
    group_id: str = string()
    regular_expression: str = string()


@message(key=16, valid="0", flexible="0+", kind="coordinator-value")
class ConsumerGroupRegularExpressionValue:
    topics: list[str] = array_of(string)
    version: int = int64()
    timestamp: int = int64()
