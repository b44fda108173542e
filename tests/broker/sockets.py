"""A real server on a loopback port, and a peer that speaks to it in raw frames and as slowly as a test wants."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from neuraxis.broker.config import BrokerConfig, Listener
from neuraxis.broker.log.fs import File, Fs
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.server import Server
from neuraxis.wire import codec, frames, messages
from neuraxis.wire.messages.create_topics import CreatableTopic, CreatableTopicConfig, CreateTopicsRequest
from neuraxis.wire.schema import Message, schema_of

PATIENCE_S = 10.0
"""How long a test waits for what must happen; it happens within milliseconds."""


class RawPeer:
    """A blocking client socket. Answers are matched by the order in which they come, as clients do."""

    def __init__(self, port: int, receive_buffer: int | None = None, client_id: str = "tester") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client_id = client_id
        self.asked: dict[int, tuple[type, int]] = {}
        self._next_correlation_id = 0

    def encode(self, request: Message, version: int) -> bytes:
        self._next_correlation_id += 1
        key = schema_of(type(request)).key
        assert key is not None
        self.asked[self._next_correlation_id] = (messages.response_class(key), version)
        return frames.encode_request(self._next_correlation_id, request, version, self.client_id)

    def send(self, request: Message, version: int) -> None:
        self.sock.sendall(self.encode(request, version))

    def send_bytes(self, data: bytes) -> None:
        self.sock.sendall(data)

    def receive_exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            part = self.sock.recv(min(count - len(data), 1 << 20))
            if not part:
                raise ConnectionError(f"the broker closed the connection after {len(data)} of {count} bytes")
            data += part
        return bytes(data)

    def receive_frame(self) -> bytes:
        return self.receive_exactly(int.from_bytes(self.receive_exactly(4), "big"))

    def receive(self) -> Any:
        """The next answer."""
        frame = self.receive_frame()
        oldest = next(iter(self.asked))
        assert int.from_bytes(frame[:4], "big") == oldest, "answers come in the order of the requests"
        response, version = self.asked.pop(oldest)
        flexible = schema_of(response).key != frames.API_VERSIONS_KEY and schema_of(response).is_flexible(
            version
        )
        _, position = frames.read_response_header(frame, flexible)
        answer, end = codec.decode(response, version, frame, position)
        assert end == len(frame)
        return answer

    def request(self, request: Message, version: int) -> Any:
        self.send(request, version)
        return self.receive()

    def is_closed_by_the_broker(self) -> bool:
        """Whether the connection ends without another byte."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Go without a farewell: the broker gets a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class GatedFs(MemoryFs):
    """A disk whose syncs wait until the test opens the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.failure: OSError | None = None

    def sync(self, file: File) -> None:
        assert self.gate.wait(PATIENCE_S), "nobody opened the gate"
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure  # once: a disk that has lost a write says so at one sync and never again


class RunningServer:
    """A server in a thread, and what tests ask of it."""

    def __init__(self, fs: Fs | None = None, *, durability: str = "os", **config: Any) -> None:
        self.fs = fs if fs is not None else MemoryFs()
        listener = Listener("PLAINTEXT", "PLAINTEXT", "127.0.0.1", 0, "127.0.0.1", 0)
        # A data directory by name only: the file system is the test's own. Without one, nothing would be synced.
        data_dir = "unused" if durability == "sync" else None
        self.server = Server(
            BrokerConfig(listeners=(listener,), durability=durability, data_dir=data_dir, **config), self.fs
        )
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._serve, name="server-under-test", daemon=True)

    def _serve(self) -> None:
        try:
            self.server.serve()
        except BaseException as failure:
            self.failure = failure

    @property
    def port(self) -> int:
        return self.server.config.listeners[0].port

    def connect(self, receive_buffer: int | None = None) -> RawPeer:
        return RawPeer(self.port, receive_buffer)

    def create_topic(self, name: str, partitions: int = 1, **configs: str) -> None:
        topic = CreatableTopic(
            name=name,
            num_partitions=partitions,
            replication_factor=1,
            configs=[
                CreatableTopicConfig(name=key.replace("_", "."), value=value)
                for key, value in configs.items()
            ],
        )
        with self.connect() as peer:
            (answer,) = peer.request(CreateTopicsRequest(topics=[topic], timeout_ms=1_000), 5).topics
            assert answer.error_code == 0, answer

    def failed(self) -> BaseException | None:
        """What the server ended with, once it has ended; the test that asks expects it."""
        self.end()
        failure, self.failure = self.failure, None
        return failure

    def end(self) -> None:
        """Wait until the server's thread has ended."""
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()

    def __enter__(self) -> RunningServer:
        self.server.open()
        self.thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.stop()
        self.end()
        if self.failure is not None and exc[0] is None:
            raise self.failure


def eventually(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for what another thread is about to make true."""
    deadline = time.monotonic() + patience_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"it never happened that {what}"
        pause.wait(0.002)


@contextlib.contextmanager
def served(fs: Fs | None = None, **options: Any) -> Iterator[RunningServer]:
    """A running server with the topic `drives`."""
    with RunningServer(fs, **options) as running:
        running.create_topic("drives", partitions=2)
        yield running
