"""A client on a plain socket that sends frames made beforehand, many at a time, and looks at every answer."""

from __future__ import annotations

import socket
import ssl
import statistics
import struct
from collections.abc import Callable, Sequence
from typing import Any  # Any: requests and answers, one class for each API

from bench.scale.broker import Measured
from neuraxis.wire import codec, frames, messages
from neuraxis.wire.schema import schema_of

CLIENT_ID = "scale"
WINDOW = 32
"""Requests that are sent in one go: half of what the broker takes of a connection before it stops reading."""
REPEATS = 5
TIMEOUT_S = 120


class Refused(RuntimeError):
    """The broker answered with an error where none was expected."""


class Peer:
    """One connection."""

    def __init__(
        self, port: int, *, source: str = "127.0.0.1", context: ssl.SSLContext | None = None
    ) -> None:
        self.sock: socket.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S, (source, 0))
        if context is not None:
            self.sock = context.wrap_socket(self.sock, server_hostname="127.0.0.1")
        self._left = b""

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()

    def ask(self, request: Any, version: int) -> Any:
        """Send one request and return its answer."""
        return self.pump([(request, version)])[0]

    def pump(self, requests: Sequence[tuple[Any, int]]) -> list[Any]:
        """Send all requests, a window at a time, and return their answers."""
        return self.send([encoded(*each) for each in requests], requests)

    def send(self, data: Sequence[bytes], requests: Sequence[tuple[Any, int]]) -> list[Any]:
        """Send encoded requests, a window at a time, and return their answers."""
        bodies: list[bytes] = []
        for begin in range(0, len(data), WINDOW):
            window = data[begin : begin + WINDOW]
            self.sock.sendall(b"".join(window))
            bodies += [self._answer() for _ in window]
        return [decoded(*each, body) for each, body in zip(requests, bodies, strict=True)]

    def _answer(self) -> bytes:
        (size,) = struct.unpack(">i", self._read(4))
        return self._read(size)

    def _read(self, count: int) -> bytes:
        parts = [self._left]
        have = len(self._left)
        while have < count:
            part = self.sock.recv(1 << 18)
            if not part:
                raise ConnectionError("the broker closed the connection")
            parts.append(part)
            have += len(part)
        data = b"".join(parts)
        self._left = data[count:]
        return data[:count]


def encoded(request: Any, version: int) -> bytes:
    """Return the frame of a request."""
    return frames.encode_request(1, request, version, CLIENT_ID)


def decoded(request: Any, version: int, body: bytes) -> Any:
    """Return the answer to a request from the bytes of its frame."""
    response = messages.response_class(schema_of(type(request)).key)
    schema = schema_of(response)
    flexible = schema.is_flexible(version) and schema.key != frames.API_VERSIONS_KEY
    _, position = frames.read_response_header(body, flexible)
    return codec.decode(response, version, body, position)[0]


def check(answer: Any) -> None:
    """Raise Refused if there is an error code other than 0 anywhere in the answer."""
    code = getattr(answer, "error_code", 0)
    if code:
        raise Refused(f"{type(answer).__name__} says {code}: {getattr(answer, 'error_message', None)}")
    for name in getattr(type(answer), "__slots__", ()):
        found = getattr(answer, name)
        for each in found if isinstance(found, list) else ():
            if hasattr(type(each), "__slots__"):
                check(each)


def cost_us(
    broker: Measured,
    peer: Peer,
    requests: Sequence[tuple[Any, int]],
    *,
    warm: bool = True,
    look: Callable[[Any], None] = check,
) -> float:
    """Return the CPU time that the broker spends on one of these requests, microseconds.

    They are sent in five parts, whose lower quartile counts: other work on the machine only ever adds. To warm up, all are
    sent once before. `look` looks at every answer.
    """
    data = [encoded(*each) for each in requests]
    if warm:
        for answer in peer.send(data, requests):
            look(answer)
    size = len(requests) // REPEATS
    costs = []
    for begin in range(0, size * REPEATS, size):
        part = slice(begin, begin + size)
        before = broker.cpu_ns()
        answers = peer.send(data[part], requests[part])
        costs.append((broker.cpu_ns() - before) / size / 1000)
        for answer in answers:
            look(answer)
    return statistics.quantiles(costs, n=4)[0]
