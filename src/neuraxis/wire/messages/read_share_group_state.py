"""ReadShareGroupState (key 84): read the stored state of share partitions."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int8, int16, int32, int64, message, string, struct, uuid


@struct
class PartitionData:
    partition: int = int32()
    leader_epoch: int = int32()


@struct
class ReadStateData:
    topic_id: bytes = uuid()
    partitions: list[PartitionData] = array_of(PartitionData)


@message(key=84, valid="0", flexible="0+")
class ReadShareGroupStateRequest:
    group_id: str = string()
    topics: list[ReadStateData] = array_of(ReadStateData)


@struct
class StateBatch:
    first_offset: int = int64()
    last_offset: int = int64()
    delivery_state: int = int8()
    delivery_count: int = int16()


@struct
class PartitionResult:
    partition: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+", default=None)
    state_epoch: int = int32()
    start_offset: int = int64()
    state_batches: list[StateBatch] = array_of(StateBatch)


@struct
class ReadStateResult:
    topic_id: bytes = uuid()
    partitions: list[PartitionResult] = array_of(PartitionResult)


@message(key=84, valid="0", flexible="0+")
class ReadShareGroupStateResponse:
    results: list[ReadStateResult] = array_of(ReadStateResult)
