"""DeleteShareGroupState (key 86): delete the stored state of share partitions."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int16, int32, message, string, struct, uuid


@struct
class PartitionData:
    partition: int = int32()


@struct
class DeleteStateData:
    topic_id: bytes = uuid()
    partitions: list[PartitionData] = array_of(PartitionData)


@message(key=86, valid="0", flexible="0+")
class DeleteShareGroupStateRequest:
    group_id: str = string()
    topics: list[DeleteStateData] = array_of(DeleteStateData)


@struct
class PartitionResult:
    partition: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+", default=None)


@struct
class DeleteStateResult:
    topic_id: bytes = uuid()
    partitions: list[PartitionResult] = array_of(PartitionResult)


@message(key=86, valid="0", flexible="0+")
class DeleteShareGroupStateResponse:
    results: list[DeleteStateResult] = array_of(DeleteStateResult)
