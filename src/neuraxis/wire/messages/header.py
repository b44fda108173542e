"""What stands before every request and response; frames.py reads and writes it faster."""

from __future__ import annotations

from neuraxis.wire.schema import int16, int32, message, string


@message(valid="1-2", flexible="2+", kind="header")
class RequestHeader:
    request_api_key: int = int16()
    request_api_version: int = int16()
    correlation_id: int = int32()
    client_id: str | None = string(nullable="1+", legacy=True)


@message(valid="0-1", flexible="1+", kind="header")
class ResponseHeader:
    correlation_id: int = int32()
