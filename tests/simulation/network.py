"""The network between an actor and the broker: chunks that take their time, and links that are cut anywhere."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from neuraxis.wire import frames, messages
from neuraxis.wire.codec import decode
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any  # Any: requests and responses of every API

    from tests.simulation.world import World

MAX_FRAME = 1 << 24
CLOSED = None


class Link:
    """One TCP connection: bytes arrive in order, in other pieces than they were sent, after a delay; or it is cut."""

    def __init__(self, world: World, client: Client, number: int) -> None:
        self.world = world
        self.client = client
        self.number = number
        self.open = True
        self.accepted = False
        self.refused = False  # the host wants no more of it, though the client may not know yet
        self.life = 0  # the process at the other end
        self._to_host: deque[bytes | None] = deque()
        self._to_client: deque[bytes | None] = deque()

    def _delay(self) -> int:
        rng = self.world.network_rng
        most = self.world.plan.network_delay_ms
        if self.world.healed:
            return rng.randint(0, 2)
        return rng.randint(0, most) if rng.random() < 0.95 else rng.randint(most, 30 * most)

    def _pieces(self, data: bytes) -> list[bytes]:
        rng = self.world.network_rng
        if len(data) < 2 or rng.random() < 0.85:
            return [data]
        self.world.injected["frame in pieces"] += 1
        cut = rng.randint(1, len(data) - 1)
        return [data[:cut], data[cut:]]

    def send_to_host(self, data: bytes) -> None:
        """From the client."""
        for piece in self._pieces(data):
            self._to_host.append(piece)
            self.world.after(self._delay(), self._arrive_at_host)

    def send_to_client(self, data: bytes) -> None:
        """From the broker."""
        for piece in self._pieces(data):
            self._to_client.append(piece)
            self.world.after(self._delay(), self._arrive_at_client)

    def cut(self) -> None:
        """Somewhere between: what is on its way arrives in part, then both ends notice."""
        for queue in (self._to_host, self._to_client):
            keep = self.world.network_rng.randint(0, len(queue))
            lost = len(queue) - keep
            for _ in range(lost):
                queue.pop()
            queue.append(CLOSED)
        self.world.after(self._delay(), self._arrive_at_host)
        self.world.after(self._delay(), self._arrive_at_client)

    def close_from_client(self) -> None:
        """The client hangs up: the broker hears of it later."""
        self._to_client.clear()
        self.open = False
        self._to_host.append(CLOSED)
        self.world.after(self._delay(), self._arrive_at_host)

    def close_from_host(self) -> None:
        """The broker hangs up, or is gone: what it sent before still arrives."""
        self.refused = True
        self._to_host.clear()
        self._to_client.append(CLOSED)
        self.world.after(self._delay(), self._arrive_at_client)

    def _arrive_at_host(self) -> None:
        if not self._to_host or self.refused:
            return
        piece = self._to_host.popleft()
        if piece is CLOSED:
            self._to_host.clear()
            self.world.host.hang_up(self)
        else:
            self.world.host.receive(self, piece)

    def _arrive_at_client(self) -> None:
        if not self._to_client or not self.open:
            return
        piece = self._to_client.popleft()
        if piece is CLOSED:
            self._to_client.clear()
            self.open = False
            self._to_host.clear()
            self.client.lost(self)
        else:
            self.client.received(self, piece)


class Request:
    """A request on its way: `started` is the number of the event in which it was sent."""

    __slots__ = ("correlation_id", "done", "key", "message", "started", "version")

    def __init__(
        self, correlation_id: int, message: Any, version: int, started: int, done: Callable[[Any], None]
    ) -> None:
        self.correlation_id = correlation_id
        self.message = message
        self.key = type(message).__schema__.key
        self.version = version
        self.started = started
        self.done = done


class Client:
    """A client's side of a connection; connects anew when asked to call. Answers must come in the order of the calls."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.link: Link | None = None
        self.pending: deque[Request] = deque()
        self.life = 0  # the process that gave the newest reply
        self.deaf = False  # it sends what is no request, and reads no reply
        self._reader = frames.FrameReader(MAX_FRAME)
        self._correlation_id = 0

    def connect(self) -> Link:
        """The open link, or a new one."""
        if self.link is None or not self.link.open:
            self.link = self.world.connect(self)
            self._reader = frames.FrameReader(MAX_FRAME)
        return self.link

    def call(
        self,
        message: Any,
        version: int,
        done: Callable[[Any], None],
        timeout_ms: int = 8_000,
        *,
        reply: bool = True,
    ) -> None:
        """Send a request; `done` gets the response, or None when the outcome stays unknown."""
        link = self.connect()
        self._correlation_id += 1
        request = Request(self._correlation_id, message, version, self.world.events, done)
        if reply:
            self.pending.append(request)
            self.world.after(timeout_ms, self._time_out, request, link)
        link.send_to_host(frames.encode_request(request.correlation_id, message, version, self.name))
        if not self.world.healed and self.world.network_rng.random() * 100 < self.world.plan.cut_percent:
            self.world.after(self.world.network_rng.randint(0, 40), self._cut, link)

    def _cut(self, link: Link) -> None:
        if link.open and not self.world.healed:
            self.world.tell(f"{self.name}: the network cuts link {link.number}")
            self.world.injected["connection cut"] += 1
            link.cut()

    def hang_up(self) -> None:
        """Close the connection; the outcome of what is pending stays unknown."""
        link, self.link = self.link, None
        if link is not None and link.open:
            link.close_from_client()
        self._fail_pending()

    def _time_out(self, request: Request, link: Link) -> None:
        if link is self.link and request in self.pending:
            self.world.tell(f"{self.name}: {type(request.message).__name__} timed out")
            self.hang_up()

    def lost(self, link: Link) -> None:
        """The other side closed, or the network did."""
        if link is self.link:
            self.link = None
            self._fail_pending()

    def _fail_pending(self) -> None:
        pending, self.pending = self.pending, deque()
        for request in pending:
            self.world.injected["reply lost"] += 1
            request.done(None)

    def received(self, link: Link, data: bytes) -> None:
        """Bytes from the broker."""
        if link is not self.link or self.deaf:
            return
        self._reader.feed(data)
        while link is self.link and (frame := self._reader.next()) is not None:
            self._take(frame)

    def _take(self, frame: bytes) -> None:
        if not self.pending:
            raise Violation(f"{self.name} got a reply to nothing: {frame[:40]!r}")
        request = self.pending.popleft()
        response_type = messages.response_class(request.key)
        flexible = request.key != 18 and response_type.__schema__.is_flexible(request.version)
        correlation_id, position = frames.read_response_header(frame, flexible)
        if correlation_id != request.correlation_id:
            raise Violation(
                f"{self.name} awaited the reply to {request.correlation_id} "
                f"({type(request.message).__name__}) and got that to {correlation_id}"
            )
        response, end = decode(response_type, request.version, frame, position)
        if end != len(frame):
            raise Violation(
                f"{type(response).__name__} v{request.version} has {len(frame) - end} bytes too many"
            )
        self.life = self.link.life if self.link is not None else 0
        request.done(response)
