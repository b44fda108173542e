"""The shell: sockets, timers and worker threads around the core, in one loop on one thread.

Long because: every system call on a socket stands here; what needs none is in `connection.py`, threads in `workers.py`.
The rule of the file: the core is touched only by the loop's thread. One wake-up reads what is readable, lets the core
act, hands out its works and writes each connection at most once per turn. There is no event-loop framework underneath
(docs/decisions/0006): epoll, recv_into and sendmsg are all a broker needs, and nothing is copied on the way.
"""

from __future__ import annotations

import logging
import os
import secrets
import select
import socket
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from neuraxis.broker.config_table import BrokerSettings
from neuraxis.broker.connection import Connection, FrameTooLarge, ReceivePool
from neuraxis.broker.core import Core
from neuraxis.broker.descriptors import room_for_connections
from neuraxis.broker.diagnosis import describe
from neuraxis.broker.log.settings import StoreOptions
from neuraxis.broker.log.store import LogStore, StorageFailed
from neuraxis.broker.metrics.exporter import Exporter, Inquiry, open_exporter, release
from neuraxis.broker.metrics.survey import PAUSE_EVERY, Shell, survey
from neuraxis.broker.watch import Watch
from neuraxis.broker.work import Now
from neuraxis.broker.workers import WORKERS_GRACE_S, AuditLog, Wake, Workers, open_audit_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.config import BrokerConfig, Listener
    from neuraxis.broker.log.fs import Fs
    from neuraxis.broker.metrics.counters import Counters
    from neuraxis.broker.metrics.survey import Step
    from neuraxis.broker.tls import TlsListener, TlsSocket

logger = logging.getLogger("neuraxis.broker")

SCRATCH_BYTES = 256 * 1024
"""What one receive may bring: the kernel hands out a loopback window in one call."""
TURN_BYTES = 4 * 1024 * 1024
"""What one connection may be sent in a turn before the others get theirs."""
SMALLEST_PIECE = 64 * 1024
"""Of a large answer so much leaves, in some ten microseconds, before a look whether somebody waits; then twice as much."""
LIGHT_BYTES = 16 * 1024
"""A turn that moved more is worth its wake-up; waiting awake after it would cost more than it saves."""
SWEEP_MS = 1_000
IDLE_LOOKS = 20
"""So often in the time after which idle connections are closed they are looked for: they stay a twentieth longer at most, and
ten thousand of them do not cost a walk each second."""
MAX_HELD = 1_000
"""Refused connections that are kept waiting a second at most: a tenth of those that may be open."""
STOP_GRACE_MS = 3_000
READ = select.EPOLLIN | select.EPOLLRDHUP
GONE = select.EPOLLHUP | select.EPOLLERR


def clock() -> Now:
    """The two clocks."""
    return Now(time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000)


class Server:
    """A broker with sockets. `open`, then `serve` until `stop` (from any thread) or a storage failure."""

    def __init__(self, config: BrokerConfig, fs: Fs, *, alone: bool = False) -> None:
        """`alone`: the process is the broker's own, so nobody else in it wants the interpreter while the loop waits."""
        self._may_be_patient = alone and (os.cpu_count() or 1) > 1
        self._patience_ns = 0
        self._brisk = False  # small requests come one upon the other
        self._moved = 0  # bytes of this turn, in and out
        self._woke_ns = 0
        self.config = config
        self.fs = fs
        self.failure: StorageFailed | None = None
        self._sockets: dict[int, tuple[socket.socket, Listener]] = {}
        self._connections: dict[int, Connection] = {}
        self._by_session: dict[int, Connection] = {}
        self._wake = Wake()
        self._epoll = select.epoll()
        self._epoll.register(self._wake.fd, select.EPOLLIN)
        self._scratch = memoryview(bytearray(SCRATCH_BYTES))
        self._pool = ReceivePool(config.receive_pool_bytes)
        self._again: list[Connection] = []
        self._reads: dict[int, Connection] = {}
        self._deaf: list[socket.socket] = []
        self._most_connections = 0
        self._held: list[tuple[int, socket.socket]] = []  # whom to close, and when
        self._tls: dict[str, TlsListener] = {}
        self._strangers: dict[Connection, int] = {}
        self._stopping = False
        self._next_sweep_ms = 0
        self._next_idle_look_ms = 0
        self._idle_limit_ms = -1
        self._deadline: int | None = 0
        self._workers = Workers(fs, self._wake)
        self._audit_log: AuditLog | None = None
        self.exporter: Exporter | None = None
        self._inquiries: deque[Inquiry] = deque()
        self._watch = Watch()
        self._counters: Counters
        self.core: Core

    # ---- life --------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Bind, recover, listen. Raises OSError for an address in use, ValueError for certificates that cannot be used, or
        what the store refuses with."""
        try:
            self._open()
        except BaseException:
            self._close_all()
            raise

    def _open(self) -> None:
        listeners = tuple(self._bind(listener) for listener in self.config.listeners)
        self.config = replace(self.config, listeners=listeners)
        self._tls = self._open_tls()
        most = room_for_connections(self.config.max_connections, self.fs.most_descriptors)
        self._most_connections = most
        static = BrokerSettings(self.config.kafka_overrides(), {})
        in_memory = self.config.data_dir is None
        rate = 0 if in_memory else static.integer("neuraxis.scrub.bytes.per.second")
        options = StoreOptions(
            cluster_id=self.config.cluster_id or _random_id(),
            node_id=self.config.node_id,
            directory_id=_random_id(),
            boot_id=_boot_id(),
            ephemeral=in_memory,
            scrub_bytes_per_second=rate,
            scrub_interval_ms=static.integer("neuraxis.scrub.interval.ms"),
            retention_check_interval_ms=static.integer("log.retention.check.interval.ms"),
        )
        store = LogStore(self.fs, options)
        self.core = Core(self.config, store, secrets, time.monotonic_ns)
        self._counters = self.core.node.counters
        self.core.start(clock())
        if self._may_be_patient:
            self._patience_ns = self.core.node.settings.integer("neuraxis.busy.poll.us") * 1000
        self._audit_log = open_audit_log(self.core.node)
        node, data_dir = self.core.node, self.config.data_dir
        instance = f"{node.cluster_id}/{node.node_id}"
        self.exporter = open_exporter(self.inquire, node.settings, data_dir, instance)
        self._workers.start()
        for sock, _ in self._sockets.values():
            sock.listen(1024)
            self._epoll.register(sock, select.EPOLLIN)

    def _open_tls(self) -> dict[str, TlsListener]:
        """The certificates of the listeners that have some. (OpenSSL is loaded here: a plain start need not wait for it.)"""
        found = {name: one for name, one in self.config.listener_securities().items() if one.tls is not None}
        if not found:
            return {}
        from neuraxis.broker.tls import TlsListener

        return {name: TlsListener(security) for name, security in found.items()}

    def stop(self) -> None:
        """Ask the loop to end; safe from any thread and from a signal handler."""
        self._stopping = True
        self._wake.ring()

    def serve(self) -> None:
        """Run until stopped. A storage failure ends it with the failure raised; nothing more is acknowledged."""
        try:
            while not self._stopping:
                self._turn()
            self._finish_calls()
            if self.exporter is not None:
                self.exporter.farewell([step for step in self._survey() if step is not None])
            self._end_works()
            self.core.close(clock())
        except StorageFailed as failure:
            self.failure = failure
            logger.critical("storage failed, the broker stops: %s", failure)
            raise
        finally:
            self._close_all()

    def _bind(self, listener: Listener) -> Listener:
        family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        try:
            sock.bind((listener.host, listener.port))
        except OSError as error:
            sock.close()
            address = f"{listener.host}:{listener.port}"
            raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
        port = sock.getsockname()[1]
        bound = replace(listener, port=port, advertised_port=listener.advertised_port or port)
        self._sockets[sock.fileno()] = (sock, bound)
        return bound

    def _finish_calls(self) -> None:
        """Let calls that only wait for the disk be answered; parked ones (fetches, joins) are cut, nothing new is read."""
        for sock, _ in self._sockets.values():
            if sock not in self._deaf:
                self._epoll.unregister(sock)
            sock.close()
        self._sockets.clear()
        self._deaf.clear()
        for connection in list(self._connections.values()):
            self._update_interest(connection)
        deadline = clock().mono_ms + STOP_GRACE_MS
        while clock().mono_ms < deadline and any(
            connection.sending or connection.session.output or self._waits_for_disk(connection)
            for connection in self._connections.values()
        ):
            self._turn(50)

    @staticmethod
    def _waits_for_disk(connection: Connection) -> bool:
        return any(call.answered for call in connection.session.pending)

    def _end_works(self) -> None:
        """End the threads and take what they still did: a sync that failed must not go unseen."""
        self.core.store.cleaner.stop()
        if not self._workers.stop():
            raise StorageFailed(f"waiting {WORKERS_GRACE_S:.0f} s for works in flight, which did not end")
        self._take_results(clock())

    def _close_all(self) -> None:
        for connection in list(self._connections.values()):
            self._drop(connection)
        for _, peer in self._held:
            peer.close()
        for sock, _ in self._sockets.values():
            sock.close()
        if self.exporter is not None:
            self.exporter.stop()
        self._epoll.close()
        self._wake.close()
        if self._audit_log is not None:
            self._audit_log.stop()
        if self._workers.stop():
            self.fs.close()  # gives the directory's lock back, however it ended

    # ---- one turn ----------------------------------------------------------------------------------------------

    def _turn(self, longest_ms: int = 1_000) -> None:
        core = self.core
        started_ns = time.monotonic_ns()
        if self._woke_ns:
            self._counters.worked.add(started_ns - self._woke_ns)
        events = self._wait(longest_ms, started_ns)
        ended_ns = self._woke_ns = time.monotonic_ns()
        now = Now(ended_ns // 1_000_000, time.time_ns() // 1_000_000)
        self._moved = 0
        self._counters.idle_ns += ended_ns - started_ns
        self._counters.turns += 1
        again, self._again = self._again, []
        for connection in again:
            if connection.open:
                self._write(connection)
        self._take_events(events, now)
        self._take_results(now)
        # Works go out first (a sync should run while replies are written), replies before time: they wait for nothing.
        if self._patience_ns and len(events) == 1 and self._moved <= LIGHT_BYTES and not core.ready:
            self._sync_here(events[0][0], now)
        self._hand_out_works()
        self._write_ready(now)
        if self._deadline is not None and self._deadline <= now.mono_ms:
            core.tick(now)
            self._hand_out_works()
            self._write_ready(now)
        self._deadline = core.next_deadline()
        if now.mono_ms >= self._next_sweep_ms:
            self._sweep(now)
        if self._inquiries and self._inquiries[0].step():
            self._inquiries.popleft()
        self._brisk = (
            ended_ns - started_ns < self._patience_ns
            and self._moved <= LIGHT_BYTES
            and self._workers.in_flight
            == self._reads_in_flight  # who waits for the device needs no processor
        )

    def _take_events(self, events: list[tuple[int, int]], now: Now) -> None:
        quotas = self.core.node.quotas
        for fd, mask in events:
            found = self._connections.get(fd)
            if found is not None:
                timed_ns = time.monotonic_ns() if quotas.measures else 0
                self._on_event(found, mask, now)
                if timed_ns:
                    quotas.spent(found.session, time.monotonic_ns() - timed_ns, now.mono_ms)
            elif fd == self._wake.fd:
                self._wake.clear()
            elif fd in self._sockets:
                self._accept(*self._sockets[fd], now)

    @property
    def _reads_in_flight(self) -> int:
        return len(self._reads) + self.core.store.ledger.cold.reads

    def _wait(self, longest_ms: int, started_ns: int) -> list[tuple[int, int]]:
        """What happened. While small requests come one upon the other, do not go to sleep in between at once.

        To wake a sleeping thread takes longer than to serve such a request, above all on a virtual machine.
        """
        timeout = self._timeout(longest_ms, started_ns)
        poll = self._epoll.poll
        if self._brisk and timeout > 0:
            until = started_ns + self._patience_ns
            while time.monotonic_ns() < until:
                events = poll(0)
                if events:
                    return events
        return poll(timeout)

    def _sweep(self, now: Now) -> None:
        self._next_sweep_ms = now.mono_ms + SWEEP_MS
        self._pool.sweep(now)
        self._close_idle(now)
        self._close_strangers(now)
        for tls in self._tls.values():
            tls.reload()
        self._watch.look(self.core.store, now)
        for sock in self._deaf:
            self._epoll.register(sock, select.EPOLLIN)
        self._deaf.clear()
        for _, peer in [each for each in self._held if each[0] <= now.mono_ms]:
            peer.close()
        self._held = [each for each in self._held if each[0] > now.mono_ms]

    def _close_idle(self, now: Now) -> None:
        """Close who said nothing for connections.max.idle.ms and waits for nothing, or takes no answer for as long."""
        limit_ms = self.core.node.settings.integer("connections.max.idle.ms")
        if limit_ms < 0 or (limit_ms == self._idle_limit_ms and now.mono_ms < self._next_idle_look_ms):
            return
        self._idle_limit_ms = limit_ms
        self._next_idle_look_ms = now.mono_ms + limit_ms // IDLE_LOOKS
        for connection in list(self._connections.values()):
            session = connection.session
            stuck = session.output or connection.sending or not session.pending
            if stuck and now.mono_ms - connection.touched_ms > limit_ms:
                logger.info("closing the connection of %s: idle for %d ms", session.describe(), limit_ms)
                self._drop(connection)

    def _close_strangers(self, now: Now) -> None:
        """Close who has taken too long to come in, and forget who is inside."""
        limit_ms = self.config.login_timeout_ms
        for connection, since_ms in list(self._strangers.items()):
            gate = connection.session.gate
            encrypted = connection.tls is None or connection.tls.established
            if not connection.open or (encrypted and (gate is None or gate.identity is not None)):
                del self._strangers[connection]
            elif now.mono_ms - since_ms > limit_ms:
                self._refuse(connection, f"did not log in within {limit_ms} ms")

    def _refuse(self, connection: Connection, reason: str) -> None:
        logger.warning("closing the connection of %s: it %s", connection.session.describe(), reason)
        self.core.node.clients.refused(connection.session, reason)
        self._counters.closed_for_cause += 1
        self._drop(connection)

    @property
    def metrics_url(self) -> str | None:
        """Where Prometheus finds the metrics; None: nowhere."""
        page = None if self.exporter is None else self.exporter.page
        return None if page is None else page.url

    def inquire(self) -> Inquiry:
        """Ask the loop for every number of the broker; from any thread. It gives a slice in each turn."""
        inquiry = Inquiry(self._survey())
        self._inquiries.append(inquiry)
        self._wake.ring()
        return inquiry

    def _survey(self) -> Iterator[Step]:
        unsent = 0
        for number, connection in enumerate(list(self._connections.values())):
            if number % PAUSE_EVERY == 0:
                yield None
            unsent += sum(len(view) for view in connection.sending)
        workers = self._workers
        shell = Shell(self._pool.used_bytes, unsent, workers.in_flight, workers.times())
        yield from survey(self.core, shell, release())

    def describe(self) -> Iterator[str]:
        """What the broker is busy with, line by line: for the log, when somebody asks why it does nothing."""
        pool = self._pool
        yield f"{len(self._connections)} connections, {pool.used_bytes} of {pool.limit_bytes} bytes in unfinished frames"
        yield from describe(self.core, clock())

    def _sync_here(self, fd: int, now: Now) -> None:
        """Do the sync that a lone small request waits for, if the disk is quick: nobody else is kept waiting."""
        connection = self._connections.get(fd)
        if connection is None or len(connection.session.pending) != 1:
            return
        works = self.core.take_work()
        if (
            len(works) == 1
            and works[0].kind == "sync"
            and self._workers.do_here(works[0], time.monotonic_ns())
        ):
            self._take_results(now)
            return
        for work in works:
            self._workers.submit(work)

    def _hand_out_works(self) -> None:
        for work in self.core.take_work():
            self._workers.submit(work)

    def _timeout(self, longest_ms: int, now_ns: int) -> float:
        if self._again or self.core.ready or self._inquiries:
            return 0.0
        if self._deadline is None:
            return longest_ms / 1000
        return min(longest_ms, max(0, self._deadline - now_ns // 1_000_000)) / 1000

    def _take_results(self, now: Now) -> None:
        results = self._workers.results
        while results:
            self._workers.in_flight -= 1
            work_id, result, error = results.popleft()
            if work_id < 0:
                self._on_read(-work_id, result, error)
            else:
                self.core.done(work_id, result, error, now)

    def _on_event(self, connection: Connection, mask: int, now: Now) -> None:
        if mask & READ and self._may_read(connection):
            self._receive(connection, now)
        elif mask & GONE or (mask & select.EPOLLRDHUP and connection.session.holding is not None):
            # Whoever ended its side while its call is parked has most likely gone: nobody keeps a place for it.
            self._drop(connection)
            return
        elif mask & select.EPOLLRDHUP:
            connection.peer_ended = True
            self._update_interest(connection)
        if mask & select.EPOLLOUT and connection.open:
            self._write(connection)

    def _write_ready(self, now: Now) -> None:
        """Write what became ready; a connection whose parked call ended may have frames waiting in its buffer."""
        core = self.core
        while core.ready:
            ready, core.ready = core.ready, []
            for session in ready:
                session.listed = False
                connection = self._by_session.get(session.id)
                if connection is None:
                    continue
                timed_ns = time.monotonic_ns() if core.node.quotas.measures else 0
                if session.output:
                    self._write(connection)
                else:
                    self._update_interest(connection)
                if connection.filled and connection.buffer is not None and self._may_read(connection):
                    self._parse(connection, connection.buffer, connection.filled, now)
                if timed_ns:
                    core.node.quotas.spent(session, time.monotonic_ns() - timed_ns, now.mono_ms)
            self._hand_out_works()

    # ---- connections -------------------------------------------------------------------------------------------

    def _accept(self, sock: socket.socket, listener: Listener, now: Now) -> None:
        limits = self.core.node.connection_limits
        for _ in range(64):
            if not limits.may_accept(listener.name, now.mono_ms):
                self._deafen(sock)
                return
            try:
                peer, address = sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # Out of descriptors: say so, go on serving who is here, try again in a second.
                self._counters.accept_failures += 1
                logger.error("cannot accept a connection on %s: %s", listener.name, error)
                self._deafen(sock)
                return
            if len(self._connections) + len(self._held) >= self._most_connections:
                self._counters.refused += 1
                logger.warning(
                    "refusing a connection from %s: %d are open", address[0], len(self._connections)
                )
                peer.close()
                continue
            refusal = limits.enter(listener.name, address[0], now.mono_ms)
            if refusal is not None:
                logger.warning("refusing a connection from %s: %s", address[0], refusal.reason)
                if refusal.hold_ms and len(self._held) < MAX_HELD:
                    self._held.append((now.mono_ms + refusal.hold_ms, peer))
                else:
                    peer.close()
                continue
            peer.setblocking(False)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tls = self._tls.get(listener.name)
            encrypted = None
            if tls is not None:
                try:
                    peer = encrypted = tls.wrap(peer)
                except OSError:
                    limits.leave(listener.name, address[0])
                    peer.close()  # gone before it began
                    continue
            session = self.core.connect(listener.name, address[0], address[1])
            connection = Connection(peer, session)
            connection.tls = encrypted
            connection.interest = READ
            connection.touched_ms = clock().mono_ms
            if encrypted is not None or session.gate is not None:
                self._strangers[connection] = connection.touched_ms
            self._connections[peer.fileno()] = connection
            self._by_session[session.id] = connection
            self._epoll.register(peer, READ)

    def _deafen(self, sock: socket.socket) -> None:
        """Accept no connection of this listener until the next sweep."""
        self._epoll.unregister(sock)
        self._deaf.append(sock)

    def _drop(self, connection: Connection) -> None:
        fd = connection.sock.fileno()
        if fd < 0:
            return
        del self._connections[fd]
        del self._by_session[connection.session.id]
        self._epoll.unregister(fd)
        connection.sock.close()
        connection.sending.clear()
        self._pool.release(connection)
        self.core.node.connection_limits.leave(connection.session.listener, connection.session.host)
        self.core.disconnect(connection.session, clock())

    def _may_read(self, connection: Connection) -> bool:
        return connection.session.wants_input and not self._stopping

    def _update_interest(self, connection: Connection) -> None:
        """Watch for what can be acted on; a connection that closes goes when all that was asked before is answered."""
        session = connection.session
        if session.closing is not None and not (session.pending or session.output or connection.sending):
            self._drop(connection)
            return
        if self._may_read(connection):
            interest: int = READ
        else:
            interest = 0 if connection.peer_ended else select.EPOLLRDHUP
        if (connection.sending or session.output) and not connection.reading:
            interest |= select.EPOLLOUT
        if interest != connection.interest and connection.open:
            connection.interest = interest
            self._epoll.modify(connection.sock, interest)

    # ---- bytes in ----------------------------------------------------------------------------------------------

    def _receive(self, connection: Connection, now: Now) -> None:
        if connection.tls is not None:
            self._receive_encrypted(connection, connection.tls, now)
            return
        own = connection.buffer
        try:
            if own is None:
                count = connection.sock.recv_into(self._scratch)
            else:
                count = connection.sock.recv_into(own[connection.filled :])
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(connection)
            return
        if count == 0:
            connection.peer_ended = True
            self.core.end_input(connection.session)
            return
        connection.touched_ms = now.mono_ms
        self._moved += count
        self._counters.received_bytes += count
        if own is None:
            self._parse(connection, self._scratch, count, now)
        else:
            self._parse(connection, own, connection.filled + count, now)

    def _receive_encrypted(self, connection: Connection, tls: TlsSocket, now: Now) -> None:
        """Decrypt what has come, always with room for a whole record: nothing may stay where epoll does not see it."""
        try:
            if not tls.established:
                tls.shake_hands()
                self._name_by_certificate(connection, tls)
            count = tls.take(self._scratch)
        except (BlockingIOError, InterruptedError):
            if tls.wants_write and connection.interest != READ | select.EPOLLOUT:
                connection.interest = READ | select.EPOLLOUT
                self._epoll.modify(tls, connection.interest)
            return
        except (OSError, ValueError) as error:
            if (tls.established and isinstance(error, OSError)) or isinstance(error, ConnectionError):
                self._drop(
                    connection
                )  # most who leave during a handshake only looked whether the port is open
            else:
                self._counters.logged_in("TLS", succeeded=False)
                self._refuse(connection, f"failed to shake hands over TLS: {error}")
            return
        if count == 0:
            connection.peer_ended = True
            self.core.end_input(connection.session)
            return
        connection.touched_ms = now.mono_ms
        self._moved += count
        self._counters.received_bytes += count
        if connection.buffer is None:
            self._parse(connection, self._scratch, count, now)
        else:
            try:
                view = self._pool.append(connection, self._scratch[:count])
            except MemoryError:
                self._refuse_for_memory(connection)
                return
            self._parse(connection, view, connection.filled, now)

    def _name_by_certificate(self, connection: Connection, tls: TlsSocket) -> None:
        """On a listener without SASL the certificate says who the peer is. Raises ValueError for a name no rule takes."""
        if connection.session.gate is None:
            principal = self._tls[connection.session.listener].principal(tls)
            if principal is not None:
                connection.session.principal = principal

    def _parse(self, connection: Connection, view: memoryview, filled: int, now: Now) -> None:
        """Hand out whole frames; keep the rest in the connection's own buffer."""
        session, core = connection.session, self.core
        position = 0
        connection.frame_size = 0
        try:
            while session.wants_input and (
                end := connection.next_frame(view, position, filled, session.frame_limit)
            ):
                core.handle(session, view[position + 4 : end], now)
                position = end
                if position == filled:
                    break
        except FrameTooLarge as error:
            core.refuse(session, str(error))
            self._pool.release(connection)
            return
        if position or connection.buffer is None:
            connection.frame_started_ms = now.mono_ms
        if position == filled:
            connection.filled = 0
        else:
            try:
                self._pool.keep(connection, view, position, filled)
            except MemoryError:
                self._refuse_for_memory(connection)
                return
            if self._pool.used_bytes > self._pool.limit_bytes:
                self._relieve_pool(now)
        if not session.listed and connection.open:  # a listed one is looked at again when it has been written
            self._update_interest(connection)

    def _refuse_for_memory(self, connection: Connection) -> None:
        """What a peer sends may not fit into memory; here nothing of it was done yet. Anywhere else that stops the broker."""
        size = connection.frame_size
        self._refuse(connection, f"sends a frame of {size} bytes, for which the process is out of memory")

    def _relieve_pool(self, now: Now) -> None:
        for victim in self._pool.victims(now):
            logger.warning(
                "closing the connection of %s: the receive pool of %d bytes is full and its frame is the slowest",
                victim.session.describe(),
                self._pool.limit_bytes,
            )
            self._drop(victim)

    # ---- bytes out ---------------------------------------------------------------------------------------------

    def _write(self, connection: Connection) -> None:
        if self._write_one(connection):
            return
        tls = connection.tls
        if tls is None or tls.established:
            self._write_all(connection)
        else:
            self._receive_encrypted(connection, tls, clock())  # the handshake waited to send

    def _write_all(self, connection: Connection) -> None:
        """Send until the socket is full, the output is empty or the turn is used up."""
        turn, most = 0, SMALLEST_PIECE
        # What is encrypted passes through here: no sendfile.
        copy_ranges = encrypted = connection.tls is not None
        while turn < TURN_BYTES and not connection.reading:
            try:
                work = connection.gather(self.fs, copy_ranges=copy_ranges)
            except OSError as error:
                self._on_read_error(connection, error)
                return
            if work is not None:
                self._reads[connection.session.id] = connection
                self._counters.cold_pieces += 1
                self._workers.submit(work)
                if not connection.sending:
                    break  # the range in front is being read: its bytes go on in `_on_read`
            try:
                count = self._send(connection, most)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                self._drop(connection)
                return
            if count is None:
                if copy_ranges:
                    break
                copy_ranges = encrypted or connection.large_range() is not None
                if not copy_ranges:
                    break
                continue
            copy_ranges = encrypted
            turn = self._used(connection, turn, count)
            most = max(SMALLEST_PIECE, 2 * count)
        else:
            if not connection.reading:
                self._again.append(connection)
        if connection.filled and self._may_read(connection):
            self.core.announce(connection.session)  # frames that waited for this output to shrink go on
        self._update_interest(connection)

    def _used(self, connection: Connection, turn: int, count: int) -> int:
        """What of a turn is used up with so many bytes more: all of it where a piece has left and somebody else waits."""
        self._moved += count
        self._counters.sent_bytes += count
        if count < SMALLEST_PIECE:
            return turn + count
        own = connection.sock.fileno()  # it may be among those who have news: its socket takes more
        return TURN_BYTES if any(fd != own for fd, _ in self._epoll.poll(0, 2)) else turn + count

    def _write_one(self, connection: Connection) -> bool:
        """The usual case in one call: a single answer in memory, a socket that takes it, nothing that waits behind."""
        output = connection.session.output
        if len(output) != 1 or connection.sending or connection.interest != READ or connection.filled:
            return False
        part = output[0]
        if not isinstance(part, bytes) or not self._may_read(connection):
            return False
        try:
            count = connection.sock.send(part)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self._drop(connection)
            return True
        self._counters.sent_bytes += count
        output.popleft()
        connection.session.output_bytes -= len(part)
        if count != len(part):
            connection.sending.append(memoryview(part)[count:])
            return False
        return True

    def _send(self, connection: Connection, most: int) -> int | None:
        """One system call's worth of output, of a file at most so much.

        None when nothing can be sent without reading a file first.
        """
        large = connection.large_range()
        if connection.sending:
            flags = socket.MSG_MORE if large is not None else 0
            count = connection.sock.sendmsg(connection.sending, (), flags)
            connection.sent(count)
            return count
        if large is None or connection.tls is not None:
            return None
        sent = self.fs.send(connection.sock.fileno(), large.file, large.position, large.length, most)
        if sent:
            connection.passed(sent)
        return sent or None

    def _on_read(self, session_id: int, result: bytes | None, error: OSError | None) -> None:
        connection = self._reads.pop(session_id)
        connection.reading = False
        if not connection.open:
            return
        if error is not None or not result:
            self._on_read_error(connection, error)
            return
        connection.took(result)
        self._write(connection)

    def _on_read_error(self, connection: Connection, error: OSError | None) -> None:
        # Half an answer has left, so there is no other way to say it. Reading changes nothing: the broker goes on.
        reason = error or "the file is shorter than the log says"
        logger.error(
            "reading for %s failed, closing its connection: %s", connection.session.describe(), reason
        )
        self._drop(connection)


def _random_id() -> str:
    """A random 22-character id in Kafka's form, not beginning with a dash."""
    return secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + secrets.token_urlsafe(16)[:20] + "w"


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""  # not Linux: every unclean stop counts as another boot
