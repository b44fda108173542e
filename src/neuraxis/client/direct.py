"""One request to one broker over a plain socket: for our own APIs, which librdkafka does not speak.

TLS and SASL are not spoken here yet: a listener that wants them is refused with a word.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from neuraxis.client.errors import ClientError
from neuraxis.client.settings import Settings
from neuraxis.wire import codec, frames, messages
from neuraxis.wire.schema import schema_of

TIMEOUT_S = 10.0  # a person waits in front of a terminal
MAX_ANSWER_BYTES = 64 * 1024 * 1024  # eleven thousand clients with their reasons are below 32 MiB
DEFAULT_PORT = 9092


class NotServed(ClientError):
    """The broker closed the connection: it does not know this API."""


def ask(settings: Settings, request: Any, version: int) -> Any:  # Any: request and response of the API
    """Send the request to the first bootstrap broker that answers. Raises ClientError with the next step."""
    if any(
        (settings.security_protocol not in (None, "PLAINTEXT"), settings.sasl_username, settings.ssl_ca_file)
    ):
        raise ClientError(
            "this command cannot speak TLS or SASL yet",
            "ask the broker at its PLAINTEXT listener (--bootstrap)",
        )
    failure: OSError | None = None
    for address in settings.bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            with socket.create_connection(
                (host.strip("[]") or address.strip(), int(port) if host else DEFAULT_PORT), TIMEOUT_S
            ) as connection:
                return _exchange(connection, settings.client_id, request, version)
        except (OSError, ValueError) as error:
            failure = error if isinstance(error, OSError) else OSError(f"{address!r} is not host:port")
    raise ClientError(
        f"no broker answers at {settings.bootstrap}: {failure}",
        "start one with `neuraxis up`, or give --bootstrap",
    )


def _exchange(connection: socket.socket, client_id: str, request: Any, version: int) -> Any:  # Any: see `ask`
    key = schema_of(type(request)).key
    assert key is not None
    connection.sendall(frames.encode_request(1, request, version, client_id))
    head = _read(connection, 4)
    if head is None:
        raise NotServed(
            f"the broker does not know {messages.API_NAMES[key]}",
            "only Neuraxis brokers of this release or later do",
        )
    (size,) = struct.unpack(">i", head)
    if not 0 < size <= MAX_ANSWER_BYTES:
        raise ClientError(
            f"the broker announced an answer of {size} bytes", "is it a Kafka broker at this address?"
        )
    body = _read(connection, size)
    if body is None:
        raise ClientError(
            "the broker closed the connection within its answer", "try again, and read the broker's log"
        )
    response = messages.response_class(key)
    _, position = frames.read_response_header(body, schema_of(response).is_flexible(version))
    return codec.decode(response, version, body, position)[0]


def _read(connection: socket.socket, count: int) -> bytes | None:
    """So many bytes, or None when the peer closes before."""
    data = bytearray()
    while len(data) < count:
        try:
            part = connection.recv(min(count - len(data), 1 << 20))
        except ConnectionError:
            return None
        if not part:
            return None
        data += part
    return bytes(data)
