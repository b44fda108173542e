"""DescribeClients (key 20000, our own): who is connected, who was, and who was refused. Kafka has no such API."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int16, int32, int64, message, string, struct


@message(key=20_000, valid="0", flexible="0+")
class DescribeClientsRequest:
    pass


@struct
class UsedApi:
    api_key: int = int16()
    api_version: int = int16()


@struct
class ClientRefusal:
    time_ms: int = int64()
    reason: str = string()


@struct
class DescribedClient:
    principal: str = string()
    client_id: str | None = string(nullable="0+")
    software_name: str = string()
    software_version: str = string()
    host: str = string()
    connections: int = int32()
    last_seen_ms: int = int64()
    apis: list[UsedApi] = array_of(UsedApi)
    refused: int = int64()
    refusals: list[ClientRefusal] = array_of(ClientRefusal)


@message(key=20_000, valid="0", flexible="0+")
class DescribeClientsResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+")
    clients: list[DescribedClient] = array_of(DescribedClient)
