"""DescribeClientQuotas (key 48): find quotas by filter."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, boolean, float64, int8, int16, int32, message, string, struct


@struct
class ComponentData:
    entity_type: str = string()
    match_type: int = int8()
    match: str | None = string(nullable="0+")


@message(key=48, valid="0-1", flexible="1+")
class DescribeClientQuotasRequest:
    components: list[ComponentData] = array_of(ComponentData)
    strict: bool = boolean()


@struct
class EntityData:
    entity_type: str = string()
    entity_name: str | None = string(nullable="0+")


@struct
class ValueData:
    key: str = string()
    value: float = float64()


@struct
class EntryData:
    entity: list[EntityData] = array_of(EntityData)
    values: list[ValueData] = array_of(ValueData)


@message(key=48, valid="0-1", flexible="1+")
class DescribeClientQuotasResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    entries: list[EntryData] | None = array_of(EntryData, nullable="0+")
