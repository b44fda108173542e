"""ShareGroupHeartbeat (key 76): join, stay in and leave a share group (KIP-932)."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int16, int32, message, string, struct, struct_of, uuid


@message(key=76, valid="1", flexible="1+")
class ShareGroupHeartbeatRequest:
    group_id: str = string()
    member_id: str = string()
    member_epoch: int = int32()
    rack_id: str | None = string(nullable="1+", default=None)
    subscribed_topic_names: list[str] | None = array_of(string, nullable="1+", default=None)


@struct
class TopicPartitions:
    topic_id: bytes = uuid()
    partitions: list[int] = array_of(int32)


@struct
class Assignment:
    topic_partitions: list[TopicPartitions] = array_of(TopicPartitions)


@message(key=76, valid="1", flexible="1+")
class ShareGroupHeartbeatResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="1+", default=None)
    member_id: str | None = string(nullable="1+", default=None)
    member_epoch: int = int32()
    heartbeat_interval_ms: int = int32()
    assignment: Assignment | None = struct_of(Assignment, nullable="1+", default=None)
