"""ShareGroupDescribe (key 77): state and members of share groups."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, boolean, int16, int32, message, string, struct, struct_of, uuid


@message(key=77, valid="1", flexible="1+")
class ShareGroupDescribeRequest:
    group_ids: list[str] = array_of(string)
    include_authorized_operations: bool = boolean()


@struct
class TopicPartitions:
    topic_id: bytes = uuid()
    topic_name: str = string()
    partitions: list[int] = array_of(int32)


@struct
class Assignment:
    topic_partitions: list[TopicPartitions] = array_of(TopicPartitions)


@struct
class Member:
    member_id: str = string()
    rack_id: str | None = string(nullable="1+", default=None)
    member_epoch: int = int32()
    client_id: str = string()
    client_host: str = string()
    subscribed_topic_names: list[str] = array_of(string)
    assignment: Assignment = struct_of(Assignment)


@struct
class DescribedGroup:
    error_code: int = int16()
    error_message: str | None = string(nullable="1+", default=None)
    group_id: str = string()
    group_state: str = string()
    group_epoch: int = int32()
    assignment_epoch: int = int32()
    assignor_name: str = string()
    members: list[Member] = array_of(Member)
    authorized_operations: int = int32(default=-2147483648)


@message(key=77, valid="1", flexible="1+")
class ShareGroupDescribeResponse:
    throttle_time_ms: int = int32()
    groups: list[DescribedGroup] = array_of(DescribedGroup)
