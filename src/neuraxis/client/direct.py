"""One request to one broker over a socket of our own: for our own APIs, which librdkafka does not speak. TLS and SASL too."""

from __future__ import annotations

import secrets
import socket
import ssl
import struct
from typing import Any

from neuraxis.client import sasl
from neuraxis.client.errors import ClientError
from neuraxis.client.settings import Settings
from neuraxis.wire import codec, frames, messages
from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest
from neuraxis.wire.schema import schema_of

TIMEOUT_S = 10.0  # a person waits in front of a terminal
MAX_ANSWER_BYTES = 64 * 1024 * 1024  # eleven thousand clients with their reasons are below 32 MiB
DEFAULT_PORT = 9092
SASL_VERSION = 1  # of SaslAuthenticate: known to every broker since Kafka 2.2


class NotServed(ClientError):
    """The broker closed the connection: it does not know this API."""


def ask(settings: Settings, request: Any, version: int) -> Any:  # Any: request and response of the API
    """Send the request to the first bootstrap broker that answers. Raises ClientError with the next step."""
    failure: OSError | None = None
    for address in settings.bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            with _connect(
                settings, host.strip("[]") or address.strip(), int(port) if host else DEFAULT_PORT
            ) as sock:
                if settings.protocol.startswith("SASL"):
                    _log_in(sock, settings)
                return _exchange(sock, settings.client_id, request, version)
        except ssl.SSLCertVerificationError as error:
            raise ClientError(
                f"the certificate of {address} is not trusted: {error.verify_message}",
                "give the authority that signed it (ssl_ca_file), and the name that stands in it (--bootstrap)",
            ) from error
        except (OSError, ValueError) as error:
            failure = error if isinstance(error, OSError) else OSError(f"{address!r} is not host:port")
    raise ClientError(
        f"no broker answers at {settings.bootstrap}: {failure}",
        "start one with `neuraxis up`, or give --bootstrap; does the listener speak "
        f"{settings.protocol}? (security_protocol)",
    )


def _connect(settings: Settings, host: str, port: int) -> socket.socket:
    sock = socket.create_connection((host, port), TIMEOUT_S)
    if not settings.protocol.endswith("SSL"):
        return sock
    try:
        return _tls_context(settings).wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


def _tls_context(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if settings.ssl_ca_file:
            context = ssl.create_default_context(cafile=settings.ssl_ca_file)
        if settings.ssl_certificate_file:
            password = settings.ssl_key_password
            context.load_cert_chain(
                settings.ssl_certificate_file, settings.ssl_key_file, password=lambda: password or ""
            )
    except (OSError, ssl.SSLError) as error:
        raise ClientError(
            f"a certificate file of the settings cannot be read: {error}",
            "look at ssl_ca_file, ssl_certificate_file and ssl_key_file",
        ) from error
    if settings.extra.get("ssl.endpoint.identification.algorithm") == "none":
        context.check_hostname = False
    if settings.extra.get("enable.ssl.certificate.verification") == "false":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _log_in(sock: socket.socket, settings: Settings) -> None:
    shaken = _exchange(sock, settings.client_id, SaslHandshakeRequest(mechanism=settings.mechanism), 1)
    if shaken.error_code:
        raise ClientError(
            f"the broker does not offer {settings.mechanism}, but {', '.join(shaken.mechanisms) or 'nothing'}",
            "set sasl_mechanism to one of these",
        )
    login = sasl.exchange(
        settings.mechanism,
        settings.sasl_username or "",
        settings.sasl_password or "",
        secrets.token_urlsafe(18),
        by_token=settings.sasl_token == "true",
    )
    message = next(login)
    try:
        while True:
            request = SaslAuthenticateRequest(auth_bytes=message)
            answer = _exchange(sock, settings.client_id, request, SASL_VERSION)
            if answer.error_code:
                raise ClientError(
                    f"the broker refuses the login: {answer.error_message or answer.error_code}", sasl.LOOK
                )
            message = login.send(bytes(answer.auth_bytes))
    except StopIteration:
        return


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
