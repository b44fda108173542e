"""OffsetFetch (key 9): read the stored positions of groups."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, boolean, int16, int32, int64, message, string, struct, uuid


@struct
class OffsetFetchRequestTopic:
    name: str = string("1-7")
    partition_indexes: list[int] = array_of(int32, "1-7")


@struct
class OffsetFetchRequestTopics:
    name: str = string("8-9")
    topic_id: bytes = uuid("10+")
    partition_indexes: list[int] = array_of(int32, "8+")


@struct
class OffsetFetchRequestGroup:
    group_id: str = string("8+")
    member_id: str | None = string("9+", nullable="9+", default=None)
    member_epoch: int = int32("9+", default=-1)
    topics: list[OffsetFetchRequestTopics] | None = array_of(OffsetFetchRequestTopics, "8+", nullable="8+")


@message(key=9, valid="1-10", flexible="6+")
class OffsetFetchRequest:
    group_id: str = string("1-7")
    topics: list[OffsetFetchRequestTopic] | None = array_of(OffsetFetchRequestTopic, "1-7", nullable="2-7")
    groups: list[OffsetFetchRequestGroup] = array_of(OffsetFetchRequestGroup, "8+")
    require_stable: bool = boolean("7+")


@struct
class OffsetFetchResponsePartition:
    partition_index: int = int32("1-7")
    committed_offset: int = int64("1-7")
    committed_leader_epoch: int = int32("5-7", default=-1)
    metadata: str | None = string("1-7", nullable="1-7")
    error_code: int = int16("1-7")


@struct
class OffsetFetchResponseTopic:
    name: str = string("1-7")
    partitions: list[OffsetFetchResponsePartition] = array_of(OffsetFetchResponsePartition, "1-7")


@struct
class OffsetFetchResponsePartitions:
    partition_index: int = int32("8+")
    committed_offset: int = int64("8+")
    committed_leader_epoch: int = int32("8+", default=-1)
    metadata: str | None = string("8+", nullable="8+")
    error_code: int = int16("8+")


@struct
class OffsetFetchResponseTopics:
    name: str = string("8-9")
    topic_id: bytes = uuid("10+")
    partitions: list[OffsetFetchResponsePartitions] = array_of(OffsetFetchResponsePartitions, "8+")


@struct
class OffsetFetchResponseGroup:
    group_id: str = string("8+")
    topics: list[OffsetFetchResponseTopics] = array_of(OffsetFetchResponseTopics, "8+")
    error_code: int = int16("8+")


@message(key=9, valid="1-10", flexible="6+")
class OffsetFetchResponse:
    throttle_time_ms: int = int32("3+")
    topics: list[OffsetFetchResponseTopic] = array_of(OffsetFetchResponseTopic, "1-7")
    error_code: int = int16("2-7")
    groups: list[OffsetFetchResponseGroup] = array_of(OffsetFetchResponseGroup, "8+")
