"""One socket of the server: bytes become frames, parts become writes; and the memory unfinished frames share.

No system call lives here: the server receives and sends, this file decides into what and from what.
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING

from neuraxis.broker.log.cold import READ
from neuraxis.broker.work import Read, Work
from neuraxis.wire.schema import BYTES

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from neuraxis.broker.log.fs import Fs
    from neuraxis.broker.log.log import Range
    from neuraxis.broker.session import Session
    from neuraxis.broker.tls import TlsSocket
    from neuraxis.broker.work import Now

LENGTH = Struct(">i")
SMALLEST_BUFFER = 64 * 1024
"""First size of a connection's own buffer: small frames never need more, and a thousand of them fit the pool."""
PIECE_BYTES = 256 * 1024
"""A file range is read and sent in pieces of this size: one page-cache read stays well under a millisecond."""
SMALLEST_SENDFILE = 32 * 1024
"""A shorter range is read and sent with what stands before it: one call for both is cheaper than a sendfile more."""
MAX_IOVEC = 64
"""Parts of one sendmsg: far below the system's 1,024, more than a wake-up ever has."""
IDLE_BUFFER_MS = 1_000
"""An empty buffer is given back after a second: long enough to serve the next frame of a busy producer."""


class FrameTooLarge(Exception):
    """A peer announced a frame of negative size or above the limit."""


class Connection:
    """A socket, its session and its buffers. `frame_size` is the size of the unfinished frame, length included.

    `tls` is the socket itself where it encrypts, else None.
    """

    __slots__ = (
        "buffer",
        "filled",
        "frame_size",
        "frame_started_ms",
        "interest",
        "peer_ended",
        "reading",
        "sending",
        "session",
        "sock",
        "tls",
        "touched_ms",
    )

    def __init__(self, sock: socket.socket, session: Session) -> None:
        self.sock = sock
        self.tls: TlsSocket | None = None
        self.session = session
        self.buffer: memoryview | None = None
        self.filled = 0
        self.frame_size = 0
        self.frame_started_ms = 0
        self.touched_ms = 0
        self.sending: deque[memoryview] = deque()
        self.interest = 0
        self.peer_ended = False
        self.reading = False

    @property
    def open(self) -> bool:
        """Whether the socket is still there."""
        return self.sock.fileno() >= 0

    def next_frame(self, view: memoryview, position: int, filled: int, limit: int) -> int:
        """The end of the frame at `position`, or 0 when it is not whole yet. Raises FrameTooLarge."""
        if filled - position < 4:
            self.frame_size = 0
            return 0
        size = LENGTH.unpack_from(view, position)[0]
        if not 0 <= size <= limit:
            raise FrameTooLarge(
                f"announced a frame of {size} bytes; up to {limit} are taken (socket.request.max.bytes, and "
                "before a login sasl.server.max.receive.size)"
            )
        end: int = position + 4 + size
        if end > filled:
            self.frame_size = 4 + size
            return 0
        return end

    def slowness(self, now_ms: int) -> float:
        """Milliseconds that each received byte of the unfinished frame took: the victim when memory runs out."""
        return (now_ms - self.frame_started_ms + 1) / (self.filled + 1)

    def gather(self, fs: Fs, *, copy_ranges: bool = True) -> Work | None:
        """Fill `sending` from the session's output, up to one piece; without `copy_ranges` it stops before a large range.

        Returns the read that a thread must do first when the page cache has not got the next piece; the output then
        waits for `took`, the loop does not.
        """
        sending, session = self.sending, self.session
        output = session.output
        size = sum(len(view) for view in sending)
        while output and size < PIECE_BYTES and len(sending) < MAX_IOVEC:
            part = output[0]
            if isinstance(part, BYTES):
                sending.append(memoryview(part))
                size += len(part)
                session.output_bytes -= len(part)
                output.popleft()
                continue
            found: Range = part  # type: ignore[assignment]  # every Span that a handler answers with is a Range
            if not copy_ranges and found.length >= SMALLEST_SENDFILE:
                return None
            length = min(PIECE_BYTES, found.length)
            data = fs.read_now(found.file, found.position, length)
            if not data:
                self.reading = True
                return Work(-session.id, READ, (Read(found.file, found.position, length),))
            size += len(data)
            self.took(data)
        return None

    def took(self, data: bytes | bytearray) -> None:
        """The next piece of the range in front was read: queue it."""
        self.sending.append(memoryview(data))
        self.passed(len(data))

    def large_range(self) -> Range | None:
        """The range in front of the output, if it is worth a sendfile."""
        output = self.session.output
        if not output or isinstance(output[0], BYTES):
            return None
        found: Range = output[0]  # type: ignore[assignment]  # see `gather`
        return found if found.length >= SMALLEST_SENDFILE else None

    def passed(self, count: int) -> None:
        """So many bytes of the range in front are taken care of; drop the range when that was all of it."""
        part: Range = self.session.output[0]  # type: ignore[assignment]  # see `gather`
        part.position += count
        part.length -= count
        if part.length == 0:
            part.release()
            self.session.output.popleft()

    def sent(self, count: int) -> None:
        """Forget what the socket took."""
        sending = self.sending
        while count:
            size = len(sending[0])
            if count < size:
                sending[0] = sending[0][count:]
                return
            sending.popleft()
            count -= size


class ReceivePool:
    """The memory of frames that have not arrived whole. Buffers grow with what came, not with what is announced."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._holders: dict[Connection, None] = {}

    def keep(self, connection: Connection, view: memoryview, position: int, filled: int) -> None:
        """Keep the bytes of an unfinished frame for the next receive; grows the connection's buffer if it must."""
        rest = filled - position
        own = connection.buffer
        connection.filled = rest
        if rest == 0:
            return
        wanted = 2 * rest
        if connection.frame_size:
            wanted = min(wanted, connection.frame_size)
        # Never smaller, however small the frame: later receives land in this buffer too.
        wanted = max(SMALLEST_BUFFER, rest + 1, wanted)
        if own is not None and len(own) >= wanted:
            if position:
                own[:rest] = view[position:filled]
            return
        grown = memoryview(bytearray(wanted))
        grown[:rest] = view[position:filled]
        self.release(connection)
        connection.filled = rest
        connection.buffer = grown
        self.used_bytes += wanted
        self._holders[connection] = None

    def append(self, connection: Connection, data: memoryview) -> memoryview:
        """Put bytes behind those in the connection's buffer, which grows if it must; returns all that is filled."""
        own = connection.buffer
        assert own is not None, "there is an unfinished frame"
        filled = connection.filled
        if len(own) - filled < len(data):
            wanted = max(2 * (filled + len(data)), SMALLEST_BUFFER)
            grown = memoryview(bytearray(wanted))
            grown[:filled] = own[:filled]
            self.release(connection)
            connection.buffer = own = grown
            self.used_bytes += wanted
            self._holders[connection] = None
        connection.filled = filled + len(data)
        own[filled : connection.filled] = data
        return own

    def release(self, connection: Connection) -> None:
        """Give back a connection's buffer with what is in it."""
        if connection.buffer is not None:
            self.used_bytes -= len(connection.buffer)
            self._holders.pop(connection, None)
            connection.buffer = None
            connection.filled = 0

    def victims(self, now: Now) -> Iterator[Connection]:
        """Whom to close until the pool fits again: empty buffers are given back first, then the slowest frames go."""
        if self.used_bytes <= self.limit_bytes:
            return
        for connection in [each for each in self._holders if each.filled == 0]:
            self.release(connection)
        while self.used_bytes > self.limit_bytes and self._holders:
            yield max(self._holders, key=lambda each: (each.slowness(now.mono_ms), each.session.id))

    def sweep(self, now: Now) -> None:
        """Give back buffers that have been empty for a while: an idle connection holds none."""
        for connection in list(self._holders):
            if connection.filled == 0 and now.mono_ms - connection.touched_ms >= IDLE_BUFFER_MS:
                self.release(connection)
