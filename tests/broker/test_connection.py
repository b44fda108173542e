from __future__ import annotations

import random
from typing import Any

import pytest

from neuraxis.broker.connection import (
    IDLE_BUFFER_MS,
    PIECE_BYTES,
    SMALLEST_BUFFER,
    Connection,
    FrameTooLarge,
    ReceivePool,
)
from neuraxis.broker.log.fs import File
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.log.reading import Range
from neuraxis.broker.session import Session
from neuraxis.broker.work import Now, Read

LIMIT = 1_000_000
NOW = Now(10_000, 0)
NO_SOCKET: Any = None


def connection_of(session_id: int = 1) -> Connection:
    return Connection(NO_SOCKET, Session(session_id, "PLAINTEXT", "10.0.0.7", 50_000))


def framed(*frames: bytes) -> bytes:
    return b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)


class Receiver:
    """Feeds a connection as the server does: into its own buffer if it has one, else from a scratch buffer."""

    def __init__(self, pool: ReceivePool, session_id: int = 1) -> None:
        self.pool = pool
        self.connection = connection_of(session_id)
        self.frames: list[bytes] = []

    def receive(self, data: bytes, now: Now = NOW) -> None:
        connection = self.connection
        while data:
            if connection.buffer is None:
                view, start = memoryview(bytearray(data)), 0
            else:
                view, start = connection.buffer, connection.filled
                assert len(view) > start, (
                    "there is no room to receive into, which would look like the peer's end"
                )
            taken = min(len(data), len(view) - start)
            view[start : start + taken] = data[:taken]
            data = data[taken:]
            connection.touched_ms = now.mono_ms
            self.take_frames(view, start + taken, now)

    def take_frames(self, view: memoryview, filled: int, now: Now) -> None:
        position = 0
        while end := self.connection.next_frame(view, position, filled, LIMIT):
            self.frames.append(bytes(view[position + 4 : end]))
            position = end
        if position or self.connection.buffer is None:
            self.connection.frame_started_ms = now.mono_ms
        self.pool.keep(self.connection, view, position, filled)


# Bytes in


def test_frames_split_at_every_byte_boundary_parse_the_same() -> None:
    frames = [b"", b"a", b"bc" * 40, b"d" * 7]
    stream = framed(*frames)
    for cut in range(len(stream) + 1):
        receiver = Receiver(ReceivePool(1 << 20))
        receiver.receive(stream[:cut])
        receiver.receive(stream[cut:])
        assert receiver.frames == frames, cut


def test_a_stream_in_random_pieces_gives_its_frames_whatever_their_sizes() -> None:
    rng = random.Random(7)
    frames = [rng.randbytes(rng.choice([0, 1, 100, 70_000, 300_000])) for _ in range(60)]
    stream, pool = framed(*frames), ReceivePool(16 << 20)
    receiver, position = Receiver(pool), 0
    while position < len(stream):
        size = rng.choice([1, 3, 1_000, 65_536, 200_000])
        receiver.receive(stream[position : position + size])
        position += size
    assert receiver.frames == frames
    pool.release(receiver.connection)
    assert pool.used_bytes == 0


@pytest.mark.parametrize("size", [-1, -(2**31), LIMIT + 1, 2**31 - 1])
def test_a_frame_of_negative_size_or_above_the_limit_is_refused_by_its_first_four_bytes(size: int) -> None:
    view = memoryview(size.to_bytes(4, "big", signed=True))
    with pytest.raises(FrameTooLarge, match=rf"{size} bytes.*{LIMIT}"):
        connection_of().next_frame(view, 0, 4, LIMIT)


def test_a_frame_of_exactly_the_limit_is_taken() -> None:
    view = memoryview(framed(bytes(LIMIT)))
    assert connection_of().next_frame(view, 0, len(view), LIMIT) == len(view)


def test_a_receive_buffer_grows_with_what_came_not_with_what_was_announced() -> None:
    pool = ReceivePool(1 << 30)
    receiver = Receiver(pool)
    receiver.receive(LIMIT.to_bytes(4, "big") + b"x")
    assert pool.used_bytes == SMALLEST_BUFFER
    for _ in range(9):
        receiver.receive(bytes(100_000))
        assert pool.used_bytes <= max(SMALLEST_BUFFER, 4 * receiver.connection.filled)
    receiver.receive(bytes(50_000))
    assert pool.used_bytes <= LIMIT + 4
    receiver.receive(bytes(50_000))
    assert [len(frame) for frame in receiver.frames] == [LIMIT]


def test_whole_frames_leave_no_memory_behind() -> None:
    pool = ReceivePool(1 << 20)
    receiver = Receiver(pool)
    receiver.receive(framed(b"a", b"b"))
    assert receiver.connection.buffer is None
    assert pool.used_bytes == 0


def test_a_buffer_empty_for_a_second_is_given_back_and_one_in_use_is_not() -> None:
    pool = ReceivePool(1 << 20)
    idle, busy = Receiver(pool, 1), Receiver(pool, 2)
    for receiver in (idle, busy):
        receiver.receive(framed(b"abc")[:5])
    idle.receive(b"bc")
    pool.sweep(Now(NOW.mono_ms + IDLE_BUFFER_MS - 1, 0))
    assert pool.used_bytes == 2 * SMALLEST_BUFFER
    pool.sweep(Now(NOW.mono_ms + IDLE_BUFFER_MS, 0))
    assert idle.connection.buffer is None
    assert pool.used_bytes == SMALLEST_BUFFER
    busy.receive(b"bc")
    assert idle.frames == busy.frames == [b"abc"]


# The pool


def test_a_pool_within_its_limit_has_no_victims() -> None:
    pool = ReceivePool(2 * SMALLEST_BUFFER)
    for session_id in (1, 2):
        Receiver(pool, session_id).receive(b"\0\0\1")
    assert list(pool.victims(NOW)) == []


def test_a_full_pool_closes_the_slowest_frames_connection_and_no_more_than_it_must() -> None:
    pool = ReceivePool(3 * SMALLEST_BUFFER)
    receivers = [Receiver(pool, session_id) for session_id in (1, 2, 3, 4)]
    started_ms = [9_000, 2_000, 8_000, 9_999]
    received = [1_000, 1_000, 10, 1_000]
    for receiver, at_ms, count in zip(receivers, started_ms, received, strict=True):
        receiver.receive(framed(bytes(60_000))[:count], Now(at_ms, 0))
    slowest_first = []
    for victim in pool.victims(NOW):
        slowest_first.append(victim.session.id)
        pool.release(victim)
    assert slowest_first == [3]  # 2,000 ms for 10 bytes; the oldest had 8,000 ms for 1,000
    assert pool.used_bytes <= pool.limit_bytes


def test_a_full_pool_takes_back_empty_buffers_before_it_closes_anybody() -> None:
    pool = ReceivePool(2 * SMALLEST_BUFFER)
    idle = Receiver(pool, 1)
    idle.receive(framed(b"abc")[:5])
    idle.receive(b"bc")
    for session_id in (2, 3):
        Receiver(pool, session_id).receive(b"\0\0\1")
    assert list(pool.victims(NOW)) == []
    assert idle.connection.buffer is None


def test_a_full_pool_closes_as_many_as_it_must() -> None:
    pool = ReceivePool(100_000)
    first = Receiver(pool, 1)
    first.receive(framed(bytes(900_000))[:300_000])
    Receiver(pool, 2).receive(b"\0\0\1")
    closed = []
    for victim in pool.victims(NOW):
        closed.append(victim.session.id)
        pool.release(victim)
    assert closed == [2, 1]
    assert pool.used_bytes == 0


# Bytes out


class ColdFs(MemoryFs):
    """The page cache holds the first `warm` bytes of every file."""

    def __init__(self, warm: int) -> None:
        super().__init__()
        self.warm = warm
        self.asked: list[int] = []

    def read_now(self, file: File, position: int, length: int) -> bytes | bytearray | None:
        self.asked.append(length)
        return self.read(file, position, length) if position + length <= self.warm else None


CONTENT = random.Random(1).randbytes(3 * PIECE_BYTES + 1_000)


def output_with_range(fs: MemoryFs) -> tuple[Connection, Range, bytes]:
    file = fs.open("segment", create=True)
    fs.write(file, 0, CONTENT)
    found = Range(file, 100, len(CONTENT) - 200)
    connection = connection_of()
    connection.session.output.extend([b"head", found, b"tail"])
    connection.session.output_bytes = 8
    return connection, found, b"head" + CONTENT[100:-100] + b"tail"


def test_a_range_is_sent_in_pieces_and_unpinned_when_its_last_was_read() -> None:
    fs = ColdFs(len(CONTENT))
    connection, found, expected = output_with_range(fs)
    sent = bytearray()
    while connection.session.output or connection.sending:
        assert connection.gather(fs) is None
        held = sum(len(view) for view in connection.sending)
        assert held <= 2 * PIECE_BYTES
        first = bytes(connection.sending[0])[:100_000]
        sent += first
        connection.sent(len(first))
    assert sent == expected
    assert found.file.pins == 0
    assert max(fs.asked) == PIECE_BYTES
    assert connection.session.output_bytes == 0


def test_a_piece_that_is_not_in_the_page_cache_becomes_a_read_for_a_thread() -> None:
    fs = ColdFs(0)
    connection, found, expected = output_with_range(fs)
    sent, reads = bytearray(), 0
    while connection.session.output or connection.sending:
        work = connection.gather(fs)
        if work is not None:
            reads += 1
            (step,) = work.steps
            assert isinstance(step, Read)
            assert work.id == -connection.session.id
            assert connection.reading
            assert step.file.pins == 1, "the file must stay while the thread reads"
            connection.reading = False
            connection.took(fs.read(step.file, step.position, step.length))
        while connection.sending:
            sent += connection.sending[0]
            connection.sent(len(connection.sending[0]))
    assert sent == expected
    assert reads == 4
    assert found.file.pins == 0


def test_what_is_before_a_cold_piece_can_be_sent_meanwhile() -> None:
    fs = ColdFs(0)
    connection, _, _ = output_with_range(fs)
    assert connection.gather(fs) is not None
    assert [bytes(view) for view in connection.sending] == [b"head"]


def test_what_the_socket_took_is_forgotten_across_parts() -> None:
    connection = connection_of()
    connection.sending.extend(memoryview(part) for part in (b"abc", b"defg", b"hi"))
    connection.sent(5)
    assert [bytes(view) for view in connection.sending] == [b"fg", b"hi"]
    connection.sent(2)
    assert [bytes(view) for view in connection.sending] == [b"hi"]
    connection.sent(2)
    assert not connection.sending


def test_bytes_put_behind_an_unfinished_frame_grow_its_buffer_and_count_in_the_pool() -> None:
    pool, connection = ReceivePool(1 << 20), connection_of()
    pool.keep(connection, memoryview(bytearray(b"abc")), 1, 3)
    first = pool.used_bytes
    assert bytes(pool.append(connection, memoryview(b"de"))[: connection.filled]) == b"bcde"
    assert pool.used_bytes == first
    large = bytes(range(256)) * 512
    view = pool.append(connection, memoryview(large))
    assert bytes(view[: connection.filled]) == b"bcde" + large
    assert pool.used_bytes == len(view) > first
    pool.release(connection)
    assert pool.used_bytes == 0
