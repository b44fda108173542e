"""State of transactional ids, in __transaction_state."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int8, int16, int32, int64, message, string, struct


@message(key=0, valid="0", kind="coordinator-key")
class TransactionLogKey:
    transactional_id: str = string()


@struct
class PartitionsSchema:
    topic: str = string()
    partition_ids: list[int] = array_of(int32)


@message(key=0, valid="0-1", flexible="1+", kind="coordinator-value")
class TransactionLogValue:
    producer_id: int = int64()
    previous_producer_id: int = int64("1+", tag=0, default=-1)
    next_producer_id: int = int64("1+", tag=1, default=-1)
    producer_epoch: int = int16()
    next_producer_epoch: int = int16("1+", tag=3, default=-1)
    transaction_timeout_ms: int = int32()
    transaction_status: int = int8()
    transaction_partitions: list[PartitionsSchema] | None = array_of(PartitionsSchema, nullable="0+")
    transaction_last_update_timestamp_ms: int = int64()
    transaction_start_timestamp_ms: int = int64()
    client_transaction_version: int = int16("1+", tag=2)
