"""DescribeUserScramCredentials (key 50): which SCRAM credentials users have."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int8, int16, int32, message, string, struct


@struct
class UserName:
    name: str = string()


@message(key=50, valid="0", flexible="0+")
class DescribeUserScramCredentialsRequest:
    users: list[UserName] | None = array_of(UserName, nullable="0+")


@struct
class CredentialInfo:
    mechanism: int = int8()
    iterations: int = int32()


@struct
class DescribeUserScramCredentialsResult:
    user: str = string()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    credential_infos: list[CredentialInfo] = array_of(CredentialInfo)


@message(key=50, valid="0", flexible="0+")
class DescribeUserScramCredentialsResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    results: list[DescribeUserScramCredentialsResult] = array_of(DescribeUserScramCredentialsResult)
