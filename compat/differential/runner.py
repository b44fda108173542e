"""Play cases against one broker over plain sockets: frames out, reduced answers in.

The rule of the file: silence and a closed connection are answers too, `silent`, `unanswered` and `closed`.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from compat.differential.cases import Case, Step
from compat.differential.compare import reduce_answer
from compat.differential.world import CLIENT_ID, World
from neuraxis.wire import codec, frames, messages
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.schema import Message, schema_of

SILENT, CLOSED, UNANSWERED = "silent", "closed", "unanswered"
GIVEN_S = 10.0  # how long an answer may take that only prepares a case
PATIENCE_S = 5.0  # how long a condition may take to become true
LOADING = (14, 15)  # what Kafka answers while it creates or loads a topic of its own: asked again


class Peer:
    """One connection."""

    def __init__(self, bootstrap: str, timeout_s: float) -> None:
        host, port = bootstrap.split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout_s = timeout_s
        self._buffer = b""
        self._correlation_id = 0
        self.asked: tuple[type[Message], int] = (ApiVersionsRequest, 0)

    def send(self, request: Message, version: int, change: Callable[[bytes], bytes] | None = None) -> None:
        """Send one request; its answer is what `receive` gives next."""
        self._correlation_id += 1
        self.asked = (type(request), version)
        frame = frames.encode_request(self._correlation_id, request, version, CLIENT_ID)
        with contextlib.suppress(OSError):  # closed already: receive says so
            self._socket.sendall(change(frame) if change else frame)

    def receive(self, *, at_once: bool = False) -> Message | str:
        """The answer to the last request, or how there was none; at_once: none is expected, look behind it."""
        wanted = self._correlation_id
        frame = self._frame(wanted, 0.05 if at_once else self.timeout_s)
        if frame is None:
            # A request behind it is answered only when the broker is through with the one before.
            request, version = self.asked
            self.send(ApiVersionsRequest(), 0)
            self.asked = (request, version)
            frame = self._frame(wanted, self.timeout_s if at_once else 0.3)
            if frame is None:
                return SILENT
            if frame and int.from_bytes(frame[:4], "big") != wanted:
                return UNANSWERED
        if not frame:
            return CLOSED
        return self._decode(frame)

    def _decode(self, frame: bytes) -> Message:
        request, version = self.asked
        key = schema_of(request).key
        assert key is not None
        response = messages.response_class(key)
        flexible = key != frames.API_VERSIONS_KEY and schema_of(response).is_flexible(version)
        _, position = frames.read_response_header(frame, flexible)
        answer, end = codec.decode(response, version, frame, position)
        assert end == len(frame), "bytes after the answer"
        return answer

    def _frame(self, wanted: int, timeout_s: float) -> bytes | None:
        """The next frame that answers request `wanted` or a later one; b"" when closed; None when nothing came."""
        deadline = time.monotonic() + timeout_s
        while True:
            frame = self._next(deadline)
            if not frame or int.from_bytes(frame[:4], "big") >= wanted:
                return frame
            # The answer to a question that was asked behind an earlier request, whose own answer came in time.

    def _next(self, deadline_s: float) -> bytes | None:
        """The next frame until the deadline, as above."""
        while len(self._buffer) < 4 or len(self._buffer) < 4 + int.from_bytes(self._buffer[:4], "big"):
            left = deadline_s - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                part = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError:
                return b""
            if not part:
                return b""
            self._buffer += part
        size = int.from_bytes(self._buffer[:4], "big")
        frame, self._buffer = self._buffer[4 : 4 + size], self._buffer[4 + size :]
        return frame

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class Player:
    """Plays cases against one broker."""

    def __init__(self, bootstrap: str, *, settle_s: float = 0.0) -> None:
        self.bootstrap = bootstrap
        self.world = World()
        self.sent: dict[tuple[int, int], int] = {}  # requests by key and version
        self._settle_s = settle_s

    def prepare(self, steps: Iterable[Step]) -> None:
        """Make the world; every step must succeed. Raises RuntimeError."""
        self.world.begin("world")
        peers: dict[str, Peer] = {}
        for step in steps:
            answer = self._play(step, peers, GIVEN_S)
            if isinstance(answer, str):
                raise RuntimeError(f"the world could not be made: {answer} to {step}")
        self._close(peers)

    def play(self, case: Case, timeout_s: float) -> list[Any]:
        """The reduced answers of the compared steps of one case; what takes longer than timeout_s is silence."""
        self.world.begin(case.full_name)
        peers: dict[str, Peer] = {}
        answers: list[Any] = []
        try:
            for step in case.given:
                answer = self._play(step, peers, GIVEN_S)
                if isinstance(answer, str) and step.wait:
                    answers.append(f"given: {answer}")
            for step in case.steps:
                answer = self._play(step, peers, timeout_s)
                if step.build is None or step.wait:
                    request = peers[step.peer].asked if step.peer in peers else (ApiVersionsRequest, 0)
                    answers.append(reduce_answer(answer, request, self.world))
        finally:
            self._close(peers)
        return answers

    def _close(self, peers: dict[str, Peer]) -> None:
        for peer in peers.values():
            peer.close()

    def _play(self, step: Step, peers: dict[str, Peer], timeout_s: float) -> Message | str:
        if step.peer not in peers:
            peers[step.peer] = Peer(self.bootstrap, timeout_s)
        peer = peers[step.peer]
        peer.timeout_s = timeout_s
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self._once(step, peer)
            again = not isinstance(answer, str) and (
                _loading(answer) or (step.until is not None and not step.until(answer))
            )
            if not again or step.build is None or not step.wait or time.monotonic() > deadline:
                break
            time.sleep(0.005)
        if answer in (CLOSED, SILENT):
            peers.pop(step.peer).close()  # what it says later would be taken for the answer to something else
        if step.learn is not None and not isinstance(answer, str):
            step.learn(self.world, answer)
        if step.settle and self._settle_s:
            time.sleep(self._settle_s)
        return answer

    def _once(self, step: Step, peer: Peer) -> Message | str:
        if step.build is None:
            return peer.receive()
        request = step.build(self.world)
        key = schema_of(type(request)).key
        assert key is not None
        self.sent[key, step.version] = self.sent.get((key, step.version), 0) + 1
        peer.send(request, step.version, step.frame)
        if not step.wait:
            return "sent"
        return peer.receive(at_once=getattr(request, "acks", None) == 0)


def _loading(value: object) -> bool:
    """Whether any error code in the answer says that the coordinator is not there yet."""
    if isinstance(value, list):
        return any(_loading(item) for item in value)
    if not isinstance(value, Message):
        return False
    if getattr(value, "error_code", 0) in LOADING:
        return True
    return any(_loading(getattr(value, name)) for name in schema_of(type(value)).fields)
