"""ListConfigResources (key 74): names of resources that have a configuration."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int8, int16, int32, message, string, struct


@message(key=74, valid="0-1", flexible="0+")
class ListConfigResourcesRequest:
    resource_types: list[int] = array_of(int8, "1+")


@struct
class ConfigResource:
    resource_name: str = string()
    resource_type: int = int8("1+", default=16)


@message(key=74, valid="0-1", flexible="0+")
class ListConfigResourcesResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    config_resources: list[ConfigResource] = array_of(ConfigResource)
