"""HoldBackup (key 20002, our own): a backup goes on and its files must stay, or it has all it needs (0 ms)."""

from __future__ import annotations

from neuraxis.wire.schema import int16, int32, int64, message, string


@message(key=20_002, valid="0", flexible="0+")
class HoldBackupRequest:
    hold_id: int = int64()
    hold_ms: int = int64()


@message(key=20_002, valid="0", flexible="0+")
class HoldBackupResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
