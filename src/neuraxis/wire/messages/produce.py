"""Produce (key 0): append record batches to partitions."""

from __future__ import annotations

from neuraxis.wire.schema import (
    array_of,
    int16,
    int32,
    int64,
    message,
    records_,
    string,
    struct,
    struct_of,
    uuid,
)


@struct
class PartitionProduceData:
    index: int = int32()
    records: bytes | memoryview | None = records_(nullable="3+")


@struct
class TopicProduceData:
    name: str = string("3-12")
    topic_id: bytes = uuid("13+")
    partition_data: list[PartitionProduceData] = array_of(PartitionProduceData)


@message(key=0, valid="3-13", flexible="9+")
class ProduceRequest:
    transactional_id: str | None = string(nullable="3+", default=None)
    acks: int = int16()
    timeout_ms: int = int32()
    topic_data: list[TopicProduceData] = array_of(TopicProduceData)


@struct
class BatchIndexAndErrorMessage:
    batch_index: int = int32("8+")
    batch_index_error_message: str | None = string("8+", nullable="8+", default=None)


@struct
class LeaderIdAndEpoch:
    leader_id: int = int32("10+", default=-1)
    leader_epoch: int = int32("10+", default=-1)


@struct
class PartitionProduceResponse:
    index: int = int32()
    error_code: int = int16()
    base_offset: int = int64()
    log_append_time_ms: int = int64(default=-1)
    log_start_offset: int = int64("5+", default=-1)
    record_errors: list[BatchIndexAndErrorMessage] = array_of(BatchIndexAndErrorMessage, "8+")
    error_message: str | None = string("8+", nullable="8+", default=None)
    current_leader: LeaderIdAndEpoch | None = struct_of(LeaderIdAndEpoch, "10+", tag=0)


@struct
class TopicProduceResponse:
    name: str = string("3-12")
    topic_id: bytes = uuid("13+")
    partition_responses: list[PartitionProduceResponse] = array_of(PartitionProduceResponse)


@struct
class NodeEndpoint:
    node_id: int = int32("10+")
    host: str = string("10+")
    port: int = int32("10+")
    rack: str | None = string("10+", nullable="10+", default=None)


@message(key=0, valid="3-13", flexible="9+")
class ProduceResponse:
    responses: list[TopicProduceResponse] = array_of(TopicProduceResponse)
    throttle_time_ms: int = int32()
    node_endpoints: list[NodeEndpoint] = array_of(NodeEndpoint, "10+", tag=0)
