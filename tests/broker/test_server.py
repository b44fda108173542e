"""The server over real sockets: back-pressure, partial reads and writes, the end of peers, of disks and of itself."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from neuraxis.broker import server as server_module
from neuraxis.broker.log.fs import DiskFs, File
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.log.store import StorageFailed
from neuraxis.broker.session import MAX_UNANSWERED
from neuraxis.broker.work import Now
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.metadata import MetadataRequest
from tests.broker import admin_script
from tests.broker.harness import (
    FETCH_VERSION,
    PRODUCE_VERSION,
    batch_of,
    fetch_request,
    produce_request,
    values_of,
)
from tests.broker.scripts.quotas import change, entry
from tests.broker.sockets import GatedFs, RawPeer, RunningServer, eventually, served

HELLO = ApiVersionsRequest()


def produced(answer: Any) -> Any:
    (partition,) = answer.responses[0].partition_responses
    return partition


def fetched(answer: Any) -> Any:
    (partition,) = answer.responses[0].partitions
    return partition


def fill(running: RunningServer, megabytes: int) -> bytes:
    """Produce that much into drives-0; returns what the log holds then."""
    with running.connect() as peer:
        for number in range(megabytes):
            batch = batch_of(number.to_bytes(4, "big") * 250_000)
            assert produced(peer.request(produce_request("drives", batch), PRODUCE_VERSION)).error_code == 0
    file = running.server.core.node.partition("drives", 0).log.active.file
    return running.fs.read(file, 0, megabytes << 21)


def whole_log(megabytes: int) -> Any:
    size = (megabytes + 1) << 20
    return fetch_request({"drives": {0: 0}}, max_wait_ms=0, max_bytes=size, partition_max_bytes=size)


# Frames


def test_a_request_that_comes_byte_by_byte_is_answered() -> None:
    with served() as running, running.connect() as peer:
        for byte in peer.encode(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION):
            peer.send_bytes(bytes([byte]))
        assert produced(peer.receive()).base_offset == 0


def test_many_requests_in_one_segment_are_answered_in_order() -> None:
    with served() as running, running.connect() as peer:
        wire = b"".join(
            peer.encode(produce_request("drives", batch_of(b"%d" % number)), PRODUCE_VERSION)
            for number in range(300)
        )
        peer.send_bytes(wire)
        assert [produced(peer.receive()).base_offset for _ in range(300)] == list(range(300))


def test_requests_cut_at_uneven_places_among_large_ones_are_answered_in_order() -> None:
    with served() as running, running.connect() as peer:
        sizes = [10, 400_000, 50, 900_000, 1, 70_000, 5]
        wire = b"".join(
            peer.encode(produce_request("drives", batch_of(bytes(size))), PRODUCE_VERSION) for size in sizes
        )
        for start in range(0, len(wire), 99_991):
            peer.send_bytes(wire[start : start + 99_991])
        assert [produced(peer.receive()).base_offset for _ in sizes] == list(range(len(sizes)))
        assert [
            len(value or b"")
            for value in values_of(fetched(peer.request(whole_log(3), FETCH_VERSION)).records)
        ] == sizes


def test_frames_behind_a_parked_fetch_go_on_when_it_ends() -> None:
    with served() as running, running.connect() as peer:
        waiting = peer.encode(fetch_request({"drives": {0: 0}}, max_wait_ms=60_000), FETCH_VERSION)
        peer.send_bytes(waiting + peer.encode(HELLO, 0) + peer.encode(HELLO, 0))
        eventually(lambda: _holding(running), "the fetch is parked")
        with running.connect() as other:
            other.request(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
        assert values_of(fetched(peer.receive()).records) == [b"a"]
        assert peer.receive().error_code == peer.receive().error_code == 0


def _holding(running: RunningServer) -> bool:
    return any(session.holding is not None for session in list(running.server.core.node.sessions.values()))


# Back-pressure


def test_a_connection_with_64_calls_waiting_for_the_disk_is_not_read_and_goes_on_after() -> None:
    fs = GatedFs()
    with served(fs, durability="sync") as running, running.connect() as peer:
        fs.gate.clear()
        for number in range(200):
            peer.send(produce_request("drives", batch_of(b"%d" % number)), PRODUCE_VERSION)
        log = running.server.core.node.partition("drives", 0).log
        eventually(lambda: log.log_end_offset == MAX_UNANSWERED, "64 calls are open")
        with running.connect() as other:
            assert other.request(HELLO, 0).error_code == 0
        assert log.log_end_offset == MAX_UNANSWERED
        fs.gate.set()
        assert [produced(peer.receive()).base_offset for _ in range(200)] == list(range(200))


def test_frames_buffered_when_the_output_was_full_go_on_when_the_peer_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("neuraxis.broker.session.MAX_OUTPUT_BYTES", 20_000)
    with served() as running, running.connect(receive_buffer=4_096) as peer:
        connection = _connection_of(running, peer)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        count = 2_000
        peer.send_bytes(b"".join(peer.encode(HELLO, 0) for _ in range(count)))
        eventually(
            lambda: not connection.session.wants_input and connection.filled > 10_000, "frames are held back"
        )
        for _ in range(count):
            peer.receive()
        assert connection.session.wants_input


def test_a_slow_reader_of_a_large_fetch_costs_little_memory_and_blocks_nobody_and_gets_exactly_the_bytes() -> (
    None
):
    with served() as running:
        expected = fill(running, 24)
        with running.connect(receive_buffer=4_096) as slow:
            slow.send(whole_log(24), FETCH_VERSION)
            connection = _connection_of(running, slow)
            eventually(lambda: bool(connection.sending), "the socket is full")
            with running.connect() as other:
                for _ in range(20):
                    assert other.request(HELLO, 0).error_code == 0
            assert sum(len(view) for view in connection.sending) <= 1 << 20
            assert connection.session.output_bytes <= 1 << 20
            assert connection.session.output[0].file.pins > 0
            data = fetched(slow.receive())
            assert bytes(data.records) == expected
            assert not connection.session.output


def _connection_of(running: RunningServer, peer: RawPeer) -> Any:
    port = peer.sock.getsockname()[1]
    eventually(
        lambda: any(each.session.port == port for each in _connections(running)), "the peer is accepted"
    )
    (found,) = [each for each in _connections(running) if each.session.port == port]
    return found


def _connections(running: RunningServer) -> list[Any]:
    return list(running.server._connections.values())


def test_a_slow_reader_that_goes_gives_its_files_back() -> None:
    with served() as running:
        fill(running, 8)
        file = running.server.core.node.partition("drives", 0).log.active.file
        before = file.pins
        with running.connect(receive_buffer=4_096) as slow:
            slow.send(whole_log(8), FETCH_VERSION)
            eventually(lambda: file.pins == before + 1, "the answer holds the file")
        eventually(lambda: file.pins == before, "the file was given back")


class ForgetfulFs(MemoryFs):
    """A page cache that has lost two pieces of three."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = self.cold = 0
        self.failure: OSError | None = None

    def read_now(self, file: File, position: int, length: int) -> bytes | bytearray | None:
        self.asked += 1
        if self.asked % 3:
            self.cold += 1
            return None
        return self.read(file, position, length)

    def read(self, file: File, position: int, length: int) -> bytes:
        if self.failure is not None and threading.current_thread().name.startswith("neuraxis-read"):
            raise self.failure
        return super().read(file, position, length)


def test_what_the_page_cache_has_lost_is_read_by_a_thread_and_arrives_in_order() -> None:
    fs = ForgetfulFs()
    with served(fs) as running:
        expected = fill(running, 6)
        with running.connect(receive_buffer=65_536) as peer:
            for _ in range(2):
                peer.send(whole_log(6), FETCH_VERSION)
            peer.send(HELLO, 0)
            for _ in range(2):
                assert bytes(fetched(peer.receive()).records) == expected
            assert peer.receive().error_code == 0
    assert fs.cold > 10


def test_a_read_that_fails_closes_its_connection_and_the_broker_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fs = ForgetfulFs()
    with served(fs) as running:
        fill(running, 2)
        fs.failure = OSError(5, "I/O error")
        with running.connect() as peer, running.connect() as other:
            peer.send(whole_log(2), FETCH_VERSION)
            with pytest.raises(ConnectionError):
                peer.receive()
            assert other.request(HELLO, 0).error_code == 0
    assert "I/O error" in caplog.text


def test_on_a_real_disk_a_large_fetch_arrives_exactly(tmp_path: Any) -> None:
    with served(DiskFs(str(tmp_path)), durability="sync") as running:
        expected = fill(running, 8)
        with running.connect(receive_buffer=8_192) as peer:
            assert bytes(fetched(peer.request(whole_log(8), FETCH_VERSION)).records) == expected


class ForgetfulDisk(DiskFs):
    """A real disk behind a page cache that loses what it is asked for, for a while."""

    forgets = 0

    def read_now(self, file: File, position: int, length: int) -> bytes | bytearray | None:
        if self.forgets:
            self.forgets -= 1
            return None
        return super().read_now(file, position, length)

    def send(self, socket_fd: int, file: File, position: int, length: int, most: int) -> int | None:
        return None if self.forgets else super().send(socket_fd, file, position, length, most)


def test_a_real_disk_whose_pages_are_cold_for_a_while_serves_everybody(tmp_path: Any) -> None:
    fs = ForgetfulDisk(str(tmp_path))
    with served(fs, durability="os") as running:
        fill(running, 8)  # a batch has a megabyte
        log = running.server.core.node.partition("drives", 0).log
        log.roll()
        fill(running, 1)
        closed = running.fs.read(log.segments[0].file, 0, 64 << 20)
        for forgets in (1, 3, 30):
            log.hints.clear()
            log.segments[0].drop_indexes()
            fs.forgets = forgets
            with running.connect() as cold, running.connect() as other:
                cold.send(whole_log(9), FETCH_VERSION)
                assert other.request(HELLO, 0).error_code == 0
                assert bytes(fetched(cold.receive()).records) == closed
            assert not fs.forgets
    assert running.server.core.store.ledger.cold.parked["call"] >= 3
    assert running.server.core.node.counters.cold_pieces > 10


def test_who_waits_comes_between_two_pieces_of_a_large_answer(tmp_path: Any) -> None:
    asked: list[int] = []

    class Counting(DiskFs):
        def send(self, socket_fd: int, file: File, position: int, length: int, most: int) -> int | None:
            asked.append(most)
            if len(asked) == 1:
                other.send(HELLO, 0)  # it waits from here on
            return super().send(socket_fd, file, position, length, most)

    with served(Counting(str(tmp_path))) as running:
        expected = fill(running, 4)
        with running.connect() as bulk, running.connect() as other:
            bulk.send(whole_log(4), FETCH_VERSION)
            assert other.receive().error_code == 0
            assert bytes(fetched(bulk.receive()).records) == expected
    smallest = server_module.SMALLEST_PIECE
    assert asked[:2] == [smallest, smallest], "the second piece began another turn"
    assert max(asked) > smallest, "alone it sends larger ones"


# Memory of unfinished frames


def test_a_full_receive_pool_closes_the_slowest_frames_connection_and_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with served(receive_pool_bytes=3_000_000) as running:
        frame = (50_000_000).to_bytes(4, "big")
        with running.connect() as trickle, running.connect() as bulk, running.connect() as idle:
            assert idle.request(HELLO, 0).error_code == 0
            trickle.send_bytes(frame + bytes(1_000))
            eventually(lambda: running.server._pool.used_bytes > 0, "the frame has begun")
            bulk.send_bytes(frame + bytes(2_000_000))
            assert trickle.is_closed_by_the_broker()
            assert idle.request(HELLO, 0).error_code == 0
            assert running.server._pool.used_bytes <= 3_000_000
    assert "the receive pool of 3000000 bytes is full" in caplog.text


def test_an_idle_connection_holds_no_receive_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry = [0]
    real = server_module.clock
    monkeypatch.setattr(
        server_module, "clock", lambda: Now(real().mono_ms + hurry[0], real().wall_ms + hurry[0])
    )
    with served() as running, running.connect() as peer:
        wire = peer.encode(HELLO, 0)
        peer.send_bytes(wire[:7])
        eventually(lambda: running.server._pool.used_bytes > 0, "the frame has begun")
        peer.send_bytes(wire[7:])
        peer.receive()
        hurry[0] = 5_000
        running.server._wake.ring()
        eventually(lambda: running.server._pool.used_bytes == 0, "the buffer was given back")
        assert peer.request(HELLO, 0).error_code == 0


# Peers that end


def test_what_a_peer_asked_before_it_shut_its_side_is_answered_then_the_connection_ends() -> None:
    fs = GatedFs()
    with served(fs, durability="sync") as running, running.connect() as peer:
        fs.gate.clear()
        peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
        peer.sock.shutdown(socket.SHUT_WR)
        connection = _connection_of(running, peer)
        eventually(lambda: connection.peer_ended, "the broker saw the end")
        fs.gate.set()
        assert produced(peer.receive()).base_offset == 0
        assert peer.is_closed_by_the_broker()
        eventually(lambda: not connection.open, "the connection is gone")


def test_a_hundred_requests_before_the_end_of_a_side_are_all_answered() -> None:
    fs = GatedFs()
    with served(fs, durability="sync") as running, running.connect() as peer:
        fs.gate.clear()
        for _ in range(100):
            peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
        peer.sock.shutdown(socket.SHUT_WR)
        connection = _connection_of(running, peer)
        eventually(lambda: connection.peer_ended, "the broker saw the end")
        fs.gate.set()
        assert [produced(peer.receive()).base_offset for _ in range(100)] == list(range(100))
        assert peer.is_closed_by_the_broker()


def test_a_peer_that_goes_while_its_fetch_is_parked_leaves_nothing_behind() -> None:
    with served() as running:
        peer = running.connect()
        peer.send(fetch_request({"drives": {0: 0, 1: 0}}, max_wait_ms=60_000), FETCH_VERSION)
        eventually(lambda: _holding(running), "the fetch is parked")
        peer.close()
        node = running.server.core.node
        eventually(lambda: not node.sessions and not _connections(running), "the connection is gone")
        assert not node.partition("drives", 0).waiting
        assert node.parking.next_deadline() is None


def test_a_peer_that_resets_its_connection_disturbs_nobody() -> None:
    with served() as running, running.connect() as other:
        for _ in range(20):
            peer = running.connect()
            peer.send(fetch_request({"drives": {0: 0}}, max_wait_ms=0), FETCH_VERSION)
            peer.reset()
        assert other.request(HELLO, 0).error_code == 0
        eventually(lambda: len(_connections(running)) == 1, "the others are gone")


def test_replies_that_were_ready_leave_before_a_connection_is_closed_for_what_came_after() -> None:
    with served() as running:
        for rubbish in (b"\xff\xff\xff\xff", (2**31 - 1).to_bytes(4, "big"), b"\0\0\0\2hi"):
            with running.connect() as peer:
                peer.send_bytes(peer.encode(HELLO, 0) + peer.encode(HELLO, 0) + rubbish)
                assert peer.receive().error_code == peer.receive().error_code == 0
                assert peer.is_closed_by_the_broker()


def test_connections_beyond_the_limit_are_closed_at_once(caplog: pytest.LogCaptureFixture) -> None:
    with RunningServer(max_connections=2) as running:
        with running.connect() as first, running.connect() as second:
            assert first.request(HELLO, 0).error_code == second.request(HELLO, 0).error_code == 0
            with running.connect() as third:
                assert third.is_closed_by_the_broker()
            assert first.request(HELLO, 0).error_code == 0
        eventually(lambda: not _connections(running), "both are gone")
        with running.connect() as fourth:
            assert fourth.request(HELLO, 0).error_code == 0
    assert "refusing a connection from 127.0.0.1: 2 are open" in caplog.text


# The end of the server


def test_a_stop_answers_what_waits_for_the_disk_and_cuts_parked_fetches() -> None:
    fs = GatedFs()
    with served(fs, durability="sync") as running:
        with running.connect() as producer, running.connect() as consumer:
            consumer.send(fetch_request({"drives": {1: 0}}, max_wait_ms=60_000), FETCH_VERSION)
            eventually(lambda: _holding(running), "the fetch is parked")
            fs.gate.clear()
            producer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
            log = running.server.core.node.partition("drives", 0).log
            eventually(lambda: log.log_end_offset == 1, "the record is written")
            running.server.stop()
            eventually(lambda: not running.server._sockets, "the server is about to stop")
            fs.gate.set()
            assert produced(producer.receive()).base_offset == 0
            assert producer.is_closed_by_the_broker()
            assert consumer.is_closed_by_the_broker()
        running.end()


def test_a_stop_reads_nothing_new_however_busy_a_producer_is() -> None:
    fs = GatedFs()
    with served(fs, durability="sync") as running, running.connect() as peer:
        fs.gate.clear()
        peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
        log = running.server.core.node.partition("drives", 0).log
        eventually(lambda: log.log_end_offset == 1, "the record is written")
        running.server.stop()
        eventually(lambda: not running.server._sockets, "the server is about to stop")
        peer.send(produce_request("drives", batch_of(b"late")), PRODUCE_VERSION)
        fs.gate.set()
        assert produced(peer.receive()).base_offset == 0
        assert peer.is_closed_by_the_broker()
        running.end()
        assert log.log_end_offset == 1


def test_a_stopped_server_leaves_no_thread_behind() -> None:
    with served():
        pass
    assert not [each.name for each in threading.enumerate() if each.name.startswith("neuraxis-work")]


def test_a_failed_sync_ends_the_server_without_an_answer_and_frees_the_directory(tmp_path: Any) -> None:
    class FailingFs(DiskFs):
        broken = False

        def sync(self, file: File) -> None:
            if self.broken:
                raise OSError(5, "I/O error")
            super().sync(file)

    fs = FailingFs(str(tmp_path))
    with served(fs, durability="sync") as running:
        with running.connect() as peer:
            assert (
                produced(peer.request(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)).error_code
                == 0
            )
            fs.broken = True
            peer.send(produce_request("drives", batch_of(b"b")), PRODUCE_VERSION)
            with pytest.raises(ConnectionError):
                peer.receive()
        assert isinstance(running.failed(), StorageFailed)
    assert not [each.name for each in threading.enumerate() if each.name.startswith("neuraxis-work")]
    with RunningServer(DiskFs(str(tmp_path)), durability="sync") as again, again.connect() as peer:
        assert values_of(fetched(peer.request(whole_log(1), FETCH_VERSION)).records)[0] == b"a"


def test_a_sync_that_fails_during_the_stop_does_not_go_unseen() -> None:
    fs = GatedFs()
    with served(fs, durability="sync") as running:
        fs.gate.clear()
        peer = running.connect()
        peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
        log = running.server.core.node.partition("drives", 0).log
        eventually(lambda: log.log_end_offset == 1, "the record is written")
        peer.reset()
        eventually(lambda: not _connections(running), "nobody waits for the answer any more")
        running.server.stop()
        eventually(lambda: not running.server._sockets, "the server is about to stop")
        fs.failure = OSError(5, "I/O error")
        fs.gate.set()
        assert isinstance(running.failed(), StorageFailed)


def test_an_address_in_use_is_an_error_that_frees_the_rest() -> None:
    with RunningServer() as running:
        taken = running.server.config.listeners[0]
        second = RunningServer()
        object.__setattr__(second.server.config, "listeners", (taken,))
        with pytest.raises(OSError, match="in use"):
            second.server.open()
        with running.connect() as peer:
            assert peer.request(HELLO, 0).error_code == 0


# Threads


def test_a_connection_that_says_nothing_for_the_idle_limit_is_closed_and_one_that_waits_is_not() -> None:
    with served(kafka={"connections.max.idle.ms": "1500"}) as running:
        with running.connect() as silent, running.connect() as waiting:
            assert silent.request(HELLO, 2).error_code == 0
            waiting.send(fetch_request({"drives": {0: 0}}, max_wait_ms=4_000), FETCH_VERSION)
            assert silent.is_closed_by_the_broker()
            assert fetched(waiting.receive()).error_code == 0


def test_idle_connections_are_looked_for_some_times_within_their_limit_and_at_once_when_it_changes() -> None:
    class Looked(dict[int, Any]):
        def values(self) -> Any:
            looks.append(now_ms)
            return super().values()

    with served(kafka={"connections.max.idle.ms": "600000"}) as running:
        pass
    server, looks = running.server, list[int]()
    server._connections, server._next_idle_look_ms = Looked(), 0
    for now_ms in range(10_000_000, 10_120_000, 1_000):
        server._close_idle(Now(now_ms, now_ms))
    assert looks == [10_000_000, 10_030_000, 10_060_000, 10_090_000]
    server._idle_limit_ms = 1_200_000
    server._close_idle(Now(now_ms, now_ms))
    assert looks[-1] == now_ms


# Waiting awake


class Polls:
    """An epoll that answers what it is told, and remembers how long it was to wait."""

    def __init__(self, answers: list[list[tuple[int, int]]]) -> None:
        self.answers = answers
        self.timeouts: list[float] = []

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        self.timeouts.append(timeout)
        return self.answers.pop(0) if self.answers else []


def waiting(monkeypatch: pytest.MonkeyPatch, answers: list[list[tuple[int, int]]], *, brisk: bool) -> Polls:
    """One wait of a loop, on a clock that goes on by 10 microseconds whenever it is looked at."""
    with served() as running:
        pass
    server, polls = running.server, Polls(answers)
    now_ns = iter(range(0, 1 << 40, 10_000))
    monkeypatch.setattr(server_module.time, "monotonic_ns", lambda: next(now_ns))
    monkeypatch.setattr(server, "_epoll", polls)
    server._brisk, server._patience_ns, server._deadline = brisk, 150_000, None
    server.core.ready.clear()
    server._wait(1_000, 0)
    return polls


def test_after_small_turns_the_loop_looks_a_few_times_before_it_sleeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    polls = waiting(monkeypatch, [[], [], [(7, 1)]], brisk=True)
    assert polls.timeouts == [0, 0, 0], "it came while the loop was awake"
    monkeypatch.undo()
    polls = waiting(monkeypatch, [], brisk=True)
    assert polls.timeouts[:-1] == [0] * 15, "150 microseconds"
    assert polls.timeouts[-1] == 1.0
    monkeypatch.undo()
    assert waiting(monkeypatch, [], brisk=False).timeouts == [1.0]


def test_only_a_process_of_its_own_waits_awake_and_only_if_configured_so() -> None:
    with served() as running, running.connect() as peer:
        assert running.server._patience_ns == 0
        peer.request(HELLO, 3)
        assert not running.server._brisk


def test_the_sync_that_a_lone_small_request_waits_for_is_done_in_the_loop() -> None:
    class NotingFs(MemoryFs):
        def sync(self, file: File) -> None:
            syncs.append(threading.current_thread().name)

    syncs: list[str] = []
    with served(NotingFs(), durability="sync") as running, running.connect() as peer:
        loop = running.server
        loop._workers._last_sync_ns = 0  # the disk has been quick

        def produce() -> list[str]:
            syncs.clear()
            loop._workers._not_here_until_ns = 0  # whatever the machine does meanwhile
            assert (
                produced(peer.request(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)).error_code
                == 0
            )
            return [name for name in syncs if not name.startswith("neuraxis-work")]

        assert not produce(), "other threads of the process are not kept from the interpreter"
        loop._patience_ns, loop._workers._last_sync_ns = 1, 0
        assert produce(), "a process of its own"
        two = [peer.encode(produce_request("drives", batch_of(b"b")), PRODUCE_VERSION) for _ in range(2)]
        syncs.clear()
        peer.send_bytes(b"".join(two))
        assert [produced(peer.receive()).error_code for _ in two] == [0, 0]
        assert [name for name in syncs if name.startswith("neuraxis-work")] == syncs != []


# Quotas and limits


def _configure(peer: RawPeer, **configs: str) -> None:
    operations = [(0, name.replace("_", "."), value) for name, value in configs.items()]
    (answer,) = peer.request(admin_script.change((4, "", operations)), 1).responses
    assert answer.error_code == 0


def test_a_muted_connection_is_answered_first_and_read_on_afterwards() -> None:
    with served() as running, running.connect() as peer:
        peer.request(change(entry({"client-id": "tester"}, {"producer_byte_rate": 100_000.0})), 1)
        loud = peer.encode(produce_request("drives", batch_of(bytes(1_010_000))), PRODUCE_VERSION)
        peer.send_bytes(loud + peer.encode(HELLO, 0) + peer.encode(HELLO, 0))
        answer = peer.receive()
        assert produced(answer).error_code == 0
        assert 0 < answer.throttle_time_ms < 2000
        assert peer.receive().error_code == peer.receive().error_code == 0


def test_the_time_of_requests_is_charged_to_their_client() -> None:
    with served() as running, running.connect() as peer:
        peer.request(change(entry({"client-id": "tester"}, {"request_percentage": 0.0001})), 1)
        for _ in range(3):
            last = peer.request(MetadataRequest(topics=[]), 12)
        assert 0 < last.throttle_time_ms <= 1000
    worked = running.server.core.node.counters.worked
    assert worked.count > 4
    assert 0 < worked.total < 10_000_000_000, "without what it waited"


def test_a_full_broker_leaves_connections_waiting_until_one_goes() -> None:
    with served() as running, running.connect() as peer:
        _configure(peer, max_connections="1")
        waiting = running.connect()
        waiting.send(HELLO, 0)
        assert len(running.server._connections) == 1
        peer.close()
        assert waiting.receive().error_code == 0
        waiting.close()


def test_an_address_with_too_many_connections_is_sent_away() -> None:
    with served() as running, running.connect() as peer:
        _configure(peer, max_connections_per_ip="2")
        with running.connect() as second, running.connect() as third:
            assert second.request(HELLO, 0).error_code == 0
            assert third.is_closed_by_the_broker()
        _configure(peer, max_connections_per_ip_overrides="127.0.0.1:5", max_connections_per_ip="0")
        with running.connect() as another:
            assert another.request(HELLO, 0).error_code == 0


def test_an_address_that_connects_too_fast_is_held_and_then_sent_away() -> None:
    with served() as running, running.connect() as peer:
        peer.request(change(entry({"ip": "127.0.0.1"}, {"connection_creation_rate": 1.0})), 1)
        for _ in range(10):
            with running.connect() as taken:
                assert taken.request(HELLO, 0).error_code == 0
        with running.connect() as held:
            assert held.is_closed_by_the_broker()
