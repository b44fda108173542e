"""BeginBackup (key 20001, our own): the files of all logs at one moment, held until HoldBackup lets them go."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, bytes_, int16, int32, int64, message, string, struct, uuid


@message(key=20_001, valid="0", flexible="0+")
class BeginBackupRequest:
    hold_ms: int = int64()


@struct
class HeldSegment:
    base_offset: int = int64()
    log_bytes: int = int64()
    index_bytes: int = int64()
    time_index_bytes: int = int64()
    aborted_bytes: int = int64()


@struct
class HeldLog:
    topic: str = string()
    topic_id: bytes = uuid()
    partition: int = int32()
    log_start_offset: int = int64()
    log_end_offset: int = int64()
    leader_epoch: int = int32()
    cleaned_to: int = int64()
    entry: str = string()
    producers: bytes = bytes_()
    epochs: bytes = bytes_()
    segments: list[HeldSegment] = array_of(HeldSegment)


@message(key=20_001, valid="0", flexible="0+")
class BeginBackupResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    hold_id: int = int64()
    time_ms: int = int64()
    data_dir: str = string()
    cluster_id: str = string()
    directory_id: str = string()
    node_id: int = int32()
    journal_position: int = int64()
    unclean_boots: int = int32()
    logs: list[HeldLog] = array_of(HeldLog)
