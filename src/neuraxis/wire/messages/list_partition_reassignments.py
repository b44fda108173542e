"""ListPartitionReassignments (key 46): moves of replicas that are under way."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int16, int32, message, string, struct


@struct
class ListPartitionReassignmentsTopics:
    name: str = string()
    partition_indexes: list[int] = array_of(int32)


@message(key=46, valid="0", flexible="0+")
class ListPartitionReassignmentsRequest:
    timeout_ms: int = int32(default=60000)
    topics: list[ListPartitionReassignmentsTopics] | None = array_of(
        ListPartitionReassignmentsTopics, nullable="0+", default=None
    )


@struct
class OngoingPartitionReassignment:
    partition_index: int = int32()
    replicas: list[int] = array_of(int32)
    adding_replicas: list[int] = array_of(int32)
    removing_replicas: list[int] = array_of(int32)


@struct
class OngoingTopicReassignment:
    name: str = string()
    partitions: list[OngoingPartitionReassignment] = array_of(OngoingPartitionReassignment)


@message(key=46, valid="0", flexible="0+")
class ListPartitionReassignmentsResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    topics: list[OngoingTopicReassignment] = array_of(OngoingTopicReassignment)
