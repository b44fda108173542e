"""A TCP proxy on the loopback in front of a Kafka cluster, whose connections can be reset.

Brokers tell clients their own addresses, so the proxy rewrites them in answers to Metadata, FindCoordinator and
DescribeCluster: every connection then goes through it. It understands plain connections; TLS cannot be rewritten.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from neuraxis.wire.codec import decode
from neuraxis.wire.frames import encode_response, read_response_header
from neuraxis.wire.messages.describe_cluster import DescribeClusterResponse
from neuraxis.wire.messages.find_coordinator import FindCoordinatorResponse
from neuraxis.wire.messages.metadata import MetadataResponse
from neuraxis.wire.primitives import Malformed
from neuraxis.wire.schema import BYTES, schema_of

HOST = "127.0.0.1"
LARGEST_FRAME = 256 * 1024 * 1024
"""More than any client of a run asks for; a larger size is not Kafka's protocol."""

Response = MetadataResponse | FindCoordinatorResponse | DescribeClusterResponse
_REWRITTEN: dict[int, type[Response]] = {
    3: MetadataResponse,
    10: FindCoordinatorResponse,
    60: DescribeClusterResponse,
}


class _Address(Protocol):
    """What an address in an answer looks like."""

    host: str
    port: int


class Proxy:
    """One listening port for each broker it has heard of."""

    def __init__(self) -> None:
        self._ports: dict[tuple[str, int], int] = {}
        self._listeners: list[socket.socket] = []
        self._connections: set[_Connection] = set()
        self._lock = threading.Lock()
        self.resets = 0

    def bootstrap(self, upstream: str) -> str:
        """The proxy's addresses for a `bootstrap.servers` string."""
        shown = []
        for address in upstream.split(","):
            host, _, port = address.strip().rpartition(":")
            shown.append(f"{HOST}:{self.port(host.strip('[]'), int(port))}")
        return ",".join(shown)

    def port(self, host: str, port: int) -> int:
        """The local port that leads to the broker; opened on first need."""
        with self._lock:
            known = self._ports.get((host, port))
            if known is not None:
                return known
            listener = socket.create_server((HOST, 0))
            local: int = listener.getsockname()[1]
            self._ports[host, port] = local
            self._listeners.append(listener)
        threading.Thread(
            target=self._accept, args=(listener, host, port), name=f"proxy-{local}", daemon=True
        ).start()
        return local

    def reset(self, rng: random.Random, share: float = 0.5) -> int:
        """Reset about `share` of the open connections, in both directions; how many."""
        with self._lock:
            chosen = [each for each in self._connections if rng.random() < share]
            self.resets += len(chosen)
        for connection in chosen:
            connection.reset()
        return len(chosen)

    def close(self) -> None:
        """Close every port and connection."""
        with self._lock:
            listeners, self._listeners = self._listeners, []
            connections = list(self._connections)
        for listener in listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
        for connection in connections:
            connection.reset()

    def _accept(self, listener: socket.socket, host: str, port: int) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                upstream = socket.create_connection((host, port), timeout=5)
            except OSError:
                client.close()  # the broker is away: the client shall see the same
                continue
            upstream.settimeout(None)
            for end in (client, upstream):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(self, client, upstream)
            with self._lock:
                self._connections.add(connection)
            connection.start()

    def forget(self, connection: _Connection) -> None:
        """A connection has ended."""
        with self._lock:
            self._connections.discard(connection)

    def rewrite(self, key: int, version: int, frame: bytes) -> bytes:
        """An answer with every address replaced by the proxy's; the frame with its length. Raises Malformed."""
        cls = _REWRITTEN[key]
        correlation_id, position = read_response_header(frame, schema_of(cls).is_flexible(version))
        answer, _ = decode(cls, version, frame, position)
        for place in _addresses(answer):
            if place.host:
                place.host, place.port = HOST, self.port(place.host, place.port)
        parts = encode_response(correlation_id, answer, version, key)
        return b"".join(part for part in parts if isinstance(part, BYTES))


def _addresses(answer: Response) -> Iterator[_Address]:
    if isinstance(answer, FindCoordinatorResponse):
        yield answer  # versions 0 to 3
        yield from answer.coordinators
    else:
        yield from answer.brokers


class _Connection:
    """A client's connection and its twin to the broker, with a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket, upstream: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.upstream = upstream
        self.asked: dict[int, tuple[int, int]] = {}
        self.lock = threading.Lock()
        self.left = 2

    def start(self) -> None:
        """Begin to carry bytes."""
        for target in (self._requests, self._answers):
            threading.Thread(target=self._carry, args=(target,), name="proxy-connection", daemon=True).start()

    def reset(self) -> None:
        """Make both ends see a connection reset."""
        for end in (self.client, self.upstream):
            with contextlib.suppress(OSError):
                # Lingering for zero seconds: the close that follows sends RST instead of FIN.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)

    def _carry(self, target: Callable[[], None]) -> None:
        # Either end went away, or spoke something else: both are closed below.
        with contextlib.suppress(OSError, Malformed):
            target()
        self.reset()
        with self.lock:
            self.left -= 1
            last = self.left == 0
        if last:
            self.client.close()
            self.upstream.close()
            self.proxy.forget(self)

    def _requests(self) -> None:
        while (frame := _read_frame(self.client)) is not None:
            if len(frame) >= 8:
                key, version, correlation_id = struct.unpack_from(">hhi", frame)
                if key in _REWRITTEN:
                    self.asked[correlation_id] = (key, version)
            self.upstream.sendall(len(frame).to_bytes(4, "big") + frame)

    def _answers(self) -> None:
        while (frame := _read_frame(self.upstream)) is not None:
            asked = self.asked.pop(int.from_bytes(frame[:4], "big", signed=True), None)
            if asked is None:
                self.client.sendall(len(frame).to_bytes(4, "big") + frame)
            else:
                self.client.sendall(self.proxy.rewrite(*asked, frame))


def _read_frame(end: socket.socket) -> bytes | None:
    """The next frame without its length; None when the stream ends."""
    head = _read_exactly(end, 4)
    if head is None:
        return None
    size = int.from_bytes(head, "big", signed=True)
    if not 0 <= size <= LARGEST_FRAME:
        raise Malformed(f"a frame of {size} bytes: is this a plain Kafka connection?")
    return _read_exactly(end, size)


def _read_exactly(end: socket.socket, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        piece = end.recv(min(size - len(data), 256 * 1024))
        if not piece:
            return None
        data += piece
    return bytes(data)
