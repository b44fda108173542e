"""CreateAcls (key 30): add access rules."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int8, int16, int32, message, string, struct


@struct
class AclCreation:
    resource_type: int = int8()
    resource_name: str = string()
    resource_pattern_type: int = int8(default=3)
    principal: str = string()
    host: str = string()
    operation: int = int8()
    permission_type: int = int8()


@message(key=30, valid="1-3", flexible="2+")
class CreateAclsRequest:
    creations: list[AclCreation] = array_of(AclCreation)


@struct
class AclCreationResult:
    error_code: int = int16()
    error_message: str | None = string(nullable="1+")


@message(key=30, valid="1-3", flexible="2+")
class CreateAclsResponse:
    throttle_time_ms: int = int32()
    results: list[AclCreationResult] = array_of(AclCreationResult)
