"""DeleteGroups (key 42): delete empty groups."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int16, int32, message, string, struct


@message(key=42, valid="0-3", flexible="2+")
class DeleteGroupsRequest:
    groups_names: list[str] = array_of(string)


@struct
class DeletableGroupResult:
    group_id: str = string()
    error_code: int = int16()
    error_message: str | None = string("3+", nullable="3+", default=None)


@message(key=42, valid="0-3", flexible="2+")
class DeleteGroupsResponse:
    throttle_time_ms: int = int32()
    results: list[DeletableGroupResult] = array_of(DeletableGroupResult)
