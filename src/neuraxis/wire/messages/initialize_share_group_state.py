"""InitializeShareGroupState (key 83): create the stored state of share partitions."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int16, int32, int64, message, string, struct, uuid


@struct
class PartitionData:
    partition: int = int32()
    state_epoch: int = int32()
    start_offset: int = int64()


@struct
class InitializeStateData:
    topic_id: bytes = uuid()
    partitions: list[PartitionData] = array_of(PartitionData)


@message(key=83, valid="0", flexible="0+")
class InitializeShareGroupStateRequest:
    group_id: str = string()
    topics: list[InitializeStateData] = array_of(InitializeStateData)


@struct
class PartitionResult:
    partition: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+", default=None)


@struct
class InitializeStateResult:
    topic_id: bytes = uuid()
    partitions: list[PartitionResult] = array_of(PartitionResult)


@message(key=83, valid="0", flexible="0+")
class InitializeShareGroupStateResponse:
    results: list[InitializeStateResult] = array_of(InitializeStateResult)
