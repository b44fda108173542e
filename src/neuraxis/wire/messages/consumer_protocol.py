"""What consumers of a classic group tell each other inside JoinGroup and SyncGroup, after an int16 version."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, bytes_, int32, message, string, struct


@struct
class TopicPartition:
    topic: str = string("1+")
    partitions: list[int] = array_of(int32, "1+")


@message(valid="0-3", kind="data")
class ConsumerProtocolSubscription:
    topics: list[str] = array_of(string)
    user_data: bytes | None = bytes_(nullable="0+", default=None)
    owned_partitions: list[TopicPartition] = array_of(TopicPartition, "1+")
    generation_id: int = int32("2+", default=-1)
    rack_id: str | None = string("3+", nullable="3+", default=None)


@struct
class ConsumerProtocolAssignmentTopicPartition:
    topic: str = string()
    partitions: list[int] = array_of(int32)


@message(valid="0-3", kind="data")
class ConsumerProtocolAssignment:
    assigned_partitions: list[ConsumerProtocolAssignmentTopicPartition] = array_of(
        ConsumerProtocolAssignmentTopicPartition
    )
    user_data: bytes | None = bytes_(nullable="0+", default=None)
