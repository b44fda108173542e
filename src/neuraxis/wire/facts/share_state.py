"""State of share partitions (KIP-932), in __share_group_state."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int8, int16, int32, int64, message, string, struct, uuid


@message(key=0, valid="0", kind="coordinator-key")
class ShareSnapshotKey:
    group_id: str = string()
    topic_id: bytes = uuid()
    partition: int = int32()


@struct
class StateBatch:
    first_offset: int = int64()
    last_offset: int = int64()
    delivery_state: int = int8()
    delivery_count: int = int16()


@message(key=0, valid="0", flexible="0+", kind="coordinator-value")
class ShareSnapshotValue:
    snapshot_epoch: int = int32()
    state_epoch: int = int32()
    leader_epoch: int = int32()
    start_offset: int = int64()
    delivery_complete_count: int = int32(tag=0, default=-1)
    create_timestamp: int = int64()
    write_timestamp: int = int64()
    state_batches: list[StateBatch] = array_of(StateBatch)


@message(key=1, valid="0", kind="coordinator-key")
class ShareUpdateKey:
    group_id: str = string()
    topic_id: bytes = uuid()
    partition: int = int32()


@message(key=1, valid="0", flexible="0+", kind="coordinator-value")
class ShareUpdateValue:
    snapshot_epoch: int = int32()
    leader_epoch: int = int32()
    start_offset: int = int64()
    delivery_complete_count: int = int32(tag=0, default=-1)
    state_batches: list[StateBatch] = array_of(StateBatch)
