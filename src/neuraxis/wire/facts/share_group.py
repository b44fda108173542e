"""Share groups (KIP-932), in __consumer_offsets."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int8, int32, int64, message, string, struct, uuid


@message(key=11, valid="0", kind="coordinator-key")
class ShareGroupMetadataKey:
    group_id: str = string()


@message(key=11, valid="0", flexible="0+", kind="coordinator-value")
class ShareGroupMetadataValue:
    epoch: int = int32()
    metadata_hash: int = int64()


@message(key=10, valid="0", kind="coordinator-key")
class ShareGroupMemberMetadataKey:
    group_id: str = string()
    member_id: str = string()


@message(key=10, valid="0", flexible="0+", kind="coordinator-value")
class ShareGroupMemberMetadataValue:
    rack_id: str | None = string(nullable="0+")
    client_id: str = string()
    client_host: str = string()
    subscribed_topic_names: list[str] = array_of(string)


@message(key=12, valid="0", kind="coordinator-key")
class ShareGroupTargetAssignmentMetadataKey:
    group_id: str = string()


@message(key=12, valid="0", flexible="0+", kind="coordinator-value")
class ShareGroupTargetAssignmentMetadataValue:
    assignment_epoch: int = int32()
    assignment_timestamp: int = int64(tag=0)


@message(key=13, valid="0", kind="coordinator-key")
class ShareGroupTargetAssignmentMemberKey:
    group_id: str = string()
    member_id: str = string()


@struct
class TopicPartition:
    topic_id: bytes = uuid()
    partitions: list[int] = array_of(int32)


@message(key=13, valid="0", flexible="0+", kind="coordinator-value")
class ShareGroupTargetAssignmentMemberValue:
    topic_partitions: list[TopicPartition] = array_of(TopicPartition)


@message(key=14, valid="0", kind="coordinator-key")
class ShareGroupCurrentMemberAssignmentKey:
    group_id: str = string()
    member_id: str = string()


@struct
class TopicPartitions:
    topic_id: bytes = uuid()
    partitions: list[int] = array_of(int32)


@message(key=14, valid="0", flexible="0+", kind="coordinator-value")
class ShareGroupCurrentMemberAssignmentValue:
    member_epoch: int = int32()
    previous_member_epoch: int = int32()
    state: int = int8()
    assigned_partitions: list[TopicPartitions] = array_of(TopicPartitions)


@message(key=15, valid="0", kind="coordinator-key")
class ShareGroupStatePartitionMetadataKey:
    group_id: str = string()


@struct
class TopicPartitionsInfo:
    topic_id: bytes = uuid()
    topic_name: str = string()
    partitions: list[int] = array_of(int32)


@struct
class TopicInfo:
    topic_id: bytes = uuid()
    topic_name: str = string()


@message(key=15, valid="0", flexible="0+", kind="coordinator-value")
class ShareGroupStatePartitionMetadataValue:
    initializing_topics: list[TopicPartitionsInfo] = array_of(TopicPartitionsInfo)
    initialized_topics: list[TopicPartitionsInfo] = array_of(TopicPartitionsInfo)
    deleting_topics: list[TopicInfo] = array_of(TopicInfo)
