"""AlterClientQuotas (key 49): set and remove quotas."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, boolean, float64, int16, int32, message, string, struct


@struct
class EntityData:
    entity_type: str = string()
    entity_name: str | None = string(nullable="0+")


@struct
class OpData:
    key: str = string()
    value: float = float64()
    remove: bool = boolean()


@struct
class EntryData:
    entity: list[EntityData] = array_of(EntityData)
    ops: list[OpData] = array_of(OpData)


@message(key=49, valid="0-1", flexible="1+")
class AlterClientQuotasRequest:
    entries: list[EntryData] = array_of(EntryData)
    validate_only: bool = boolean()


@struct
class AlterClientQuotasResponseEntryData:
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    entity: list[EntityData] = array_of(EntityData)


@message(key=49, valid="0-1", flexible="1+")
class AlterClientQuotasResponse:
    throttle_time_ms: int = int32()
    entries: list[AlterClientQuotasResponseEntryData] = array_of(AlterClientQuotasResponseEntryData)
