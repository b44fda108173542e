"""The simulated shell: what `server.py` does for the core, on simulated time, with works done step by step, late or never."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.config import BrokerConfig, Listener
from neuraxis.broker.connection import Connection, FrameTooLarge
from neuraxis.broker.coordinators.runtime import UnreadableFact
from neuraxis.broker.core import Core
from neuraxis.broker.log.fs import StorageFailed
from neuraxis.broker.log.settings import StoreOptions
from neuraxis.broker.log.store import LogStore
from neuraxis.broker.work import Now, Work, perform, perform_step
from tests.simulation.disk import SimCrash
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.simulation.network import Link
    from tests.simulation.plan import Plan
    from tests.simulation.world import World

FRAME_LIMIT = 1 << 20
SCRUB_RATE = 1 << 20
SCRUB_INTERVAL_MS = 400  # so that a world sees many rounds
LISTENER = Listener("PLAINTEXT", "PLAINTEXT", "broker", 9092, "broker", 9092)


def _groups(plan: Plan) -> dict[str, str]:
    """Sessions and intervals as short as the world's."""
    return {
        "max.incremental.fetch.session.cache.slots": str(plan.session_slots),
        "group.min.session.timeout.ms": "500",
        "group.consumer.min.session.timeout.ms": "500",
        "group.consumer.session.timeout.ms": str(plan.session_ms),
        "group.consumer.min.heartbeat.interval.ms": "100",
        "group.consumer.heartbeat.interval.ms": "300",
        "group.consumer.assignment.interval.ms": "200",
        "group.streams.min.session.timeout.ms": "500",
        "group.streams.session.timeout.ms": str(plan.session_ms),
        "group.streams.min.heartbeat.interval.ms": "100",
        "group.streams.heartbeat.interval.ms": "300",
        "group.streams.assignment.interval.ms": "200",
        "group.streams.initial.rebalance.delay.ms": "300",
        "group.share.min.session.timeout.ms": "500",
        "group.share.session.timeout.ms": str(plan.session_ms),
        "group.share.min.heartbeat.interval.ms": "100",
        "group.share.heartbeat.interval.ms": "300",
        "group.share.assignment.interval.ms": "200",
        "group.share.min.record.lock.duration.ms": "1000",
        "group.share.record.lock.duration.ms": "1000",
        "group.share.delivery.count.limit": str(plan.delivery_limit),
        "share.coordinator.snapshot.update.records.per.snapshot": str(plan.share_updates),
    }


COMPACTION = {
    "offsets.topic.segment.bytes": "1500",
    "transaction.state.log.segment.bytes": "1500",
    "log.cleaner.min.cleanable.ratio": "0.0",
    "log.cleaner.delete.retention.ms": "400",
}
"""The coordinators' logs roll all the time and are compacted whenever they can be."""


class Entropy:
    """Random bytes from the world's seed."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def token_bytes(self, count: int) -> bytes:
        """As `secrets.token_bytes`."""
        return self._rng.randbytes(count)


class Peer:
    """The broker's side of a link: the real `Connection`, and the bytes that wait for the core to want them."""

    def __init__(self, link: Link, connection: Connection) -> None:
        self.link = link
        self.connection = connection
        self.session = connection.session
        self.received = bytearray()
        self.writing = False


class Host:
    """A machine with a disk; the broker on it is up or down. `life` counts its processes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fs = world.fs
        self.life = 0
        self.boot = 1
        self.booted_ms = 0
        self.up = False
        self.paused_until_ms = 0
        self.peers: dict[Link, Peer] = {}
        self.in_flight: dict[int, Work] = {}
        self.failed: dict[int, OSError] = {}  # works of which a step failed, before the core is told
        self._by_session: dict[int, Peer] = {}
        self._wake_at: int | None = None
        self._later: list[tuple[Callable[[], None], Link | None]] = []  # what waits for the end of a pause
        self.core: Core

    @property
    def now(self) -> Now:
        """The two clocks of the machine; the monotonic one starts anew with each boot."""
        time_ms = self.world.time_ms
        return Now(time_ms - self.booted_ms + 1_000, self.world.wall_ms)

    # ---- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start a process on what the disk holds; a crash on the way is a crash like any other."""
        world, plan = self.world, self.world.plan
        self.life += 1
        self._wake_at = None
        config = BrokerConfig(
            data_dir="simulated",
            listeners=(LISTENER,),
            durability=plan.durability,
            request_max_bytes=FRAME_LIMIT,
            kafka={**_groups(plan), **(COMPACTION if plan.compaction else {}), **plan.kafka},
        )
        options = StoreOptions(
            cluster_id="SimulatedCluster000001",
            directory_id="SimulatedDirectory0001",
            boot_id=f"boot-{self.boot}",
            journal_segment_bytes=plan.journal_segment_bytes,
            checkpoint_bytes=40_000,
            unsynced_bytes=40_000,
            checkpoint_ms=plan.checkpoint_ms,
            retention_check_interval_ms=700,
            reserve_bytes=1 << 20,
            scrub_bytes_per_second=SCRUB_RATE if plan.rots else 0,
            scrub_interval_ms=SCRUB_INTERVAL_MS,
        )
        core = Core(config, LogStore(self.fs, options), Entropy(world.fork(f"entropy/{self.life}")))
        world.checkers.before_start(core)
        try:
            core.start(self.now)
        except StorageFailed as failure:
            world.tell(f"host: start failed: {failure.__cause__!r}")
            world.crashed("stopped")
            return
        except SimCrash as crash:
            world.crashed(str(crash))
            return
        except UnreadableFact as refusal:
            if not world.rot.put_back():
                raise
            world.tell(f"host: start refused: {refusal}")
            world.crashed("stopped")
            return
        self.core = core
        self.up = True
        world.tell(f"host: life {self.life} is up; {core.node.recovery.frames} frames replayed")
        world.checkers.after_start()
        self._guard(self._turn)

    def stop(self) -> None:
        """A clean stop, as SIGTERM: works end, everything is synced."""
        if not self.up:
            return

        def end() -> None:
            for work_id, work in list(self.in_flight.items()):
                if work_id > 0:
                    if (error := self.failed.get(work_id)) is not None:
                        self.core.done(work_id, None, error, self.now)
                        continue
                    result = None
                    for step in work.steps[self.world.steps_done(work_id) :]:
                        result = perform_step(self.fs, step)
                    self.core.done(work_id, result, None, self.now)
            while works := self.core.take_work():
                for work in works:
                    self.core.done(work.id, perform(self.fs, work), None, self.now)
            self.core.close(self.now)

        try:
            self._guard(end)
        except OSError as error:
            self.world.tell(f"host: a work failed at the clean stop: {error!r}")
            self.world.crashed("stopped")
        if self.up:
            self.world.checkers.after_stop()
            self.gone()

    def gone(self) -> None:
        """The process is no more: its connections close, its works are never done, and nobody is paused."""
        self.up = False
        self.paused_until_ms = 0
        later, self._later = self._later, []
        for link in dict.fromkeys(link for _, link in later if link is not None and not link.accepted):
            link.close_from_host()  # it waited to be accepted: the next process never hears of what it had sent
        self.in_flight.clear()
        self.failed.clear()
        self.world.forget_works()
        peers, self.peers = self.peers, {}
        self._by_session = {}
        for link, peer in peers.items():
            if peer.session is not None:
                link.close_from_host()

    def _guard(self, action: Callable[[], None]) -> None:
        """Let the core act; a storage failure stops the process, a planned crash ends it, all else is a bug."""
        try:
            action()
        except StorageFailed as failure:
            if isinstance(failure.__cause__, Violation):
                raise failure.__cause__ from None  # a checker that listens inside the broker said so
            if failure.__cause__ is not None and not isinstance(failure.__cause__, OSError):
                raise
            if not self.world.disk_was_hurt:
                raise Violation(f"the storage failed on a sound disk: {failure}") from failure
            self.world.tell(f"host: {failure.__cause__!r}")
            self.world.crashed("stopped")
        except SimCrash as crash:
            self.world.crashed(str(crash))

    # ---- bytes -------------------------------------------------------------------------------------------------

    def receive(self, link: Link, data: bytes) -> None:
        """Bytes arrived on a link; the first ones make the connection."""
        if not self.up:
            link.close_from_host()
            return
        if self._deferred(lambda: self.receive(link, data), link):
            return
        peer = self.peers.get(link)
        if peer is None:
            if link.accepted:
                return  # the broker closed it while this waited for the end of a pause
            link.accepted = True
            link.life = self.life
            session = self.core.connect("PLAINTEXT", link.client.name, link.number)
            peer = self.peers[link] = Peer(link, Connection(None, session))  # type: ignore[arg-type]  # no socket here
            self._by_session[session.id] = peer
        peer.received += data

        def act() -> None:
            self._parse(peer)
            self._turn()

        self._guard(act)

    def hang_up(self, link: Link) -> None:
        """The client, or the network, closed the link."""
        if self._deferred(lambda: self.hang_up(link)):
            return
        peer = self.peers.pop(link, None)
        if peer is None:
            return
        del self._by_session[peer.session.id]

        def act() -> None:
            self.core.disconnect(peer.session, self.now)
            self._turn()

        self._guard(act)

    def _deferred(self, action: Callable[[], None], link: Link | None = None) -> bool:
        """Whether the process is paused; then the action comes later."""
        wait_ms = self.paused_until_ms - self.world.time_ms
        if not self.up or (wait_ms <= 0 and not self._later):
            return False
        if not self._later:
            self.world.after(wait_ms, self._catch_up)
        self._later.append((action, link))
        return True

    def _catch_up(self) -> None:
        """The pause is over: what waited comes in its order."""
        later, self._later = self._later, []
        for action, _ in later:
            action()

    def _parse(self, peer: Peer) -> None:
        session, connection = peer.session, peer.connection
        position = 0
        view = memoryview(bytes(peer.received))
        try:
            while session.wants_input and (
                end := connection.next_frame(view, position, len(view), FRAME_LIMIT)
            ):
                self._handle(peer, bytearray(view[position + 4 : end]))
                position = end
        except FrameTooLarge:
            self._drop(peer)
            return
        del peer.received[:position]

    def _handle(self, peer: Peer, frame: bytearray) -> None:
        world = self.world
        world.checkers.before_handle(peer, frame)
        view = memoryview(frame)
        self.core.handle(peer.session, view, self.now)
        view.release()
        frame[:] = b"\xdd" * len(frame)
        try:
            frame.clear()
        except BufferError:
            raise Violation(f"{world.last_call} kept a view of its frame") from None
        world.checkers.after_handle(peer)

    def _drop(self, peer: Peer) -> None:
        """Close a connection from the broker's side."""
        if self.peers.pop(peer.link, None) is None:
            return
        del self._by_session[peer.session.id]
        self.core.disconnect(peer.session, self.now)
        peer.link.close_from_host()

    # ---- a turn ------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        core, now = self.core, self.now
        deadline = core.next_deadline()
        if deadline is not None and deadline <= now.mono_ms:
            core.tick(now)
        self._submit()
        while core.ready:
            ready, core.ready = core.ready, []
            for session in ready:
                session.listed = False
                peer = self._by_session.get(session.id)
                if peer is not None:
                    self._serve(peer)
            self._submit()
        self._schedule_wake()
        self.world.checkers.after_step()

    def _serve(self, peer: Peer) -> None:
        """A session has output, must close, or may be given the frames it did not want before."""
        if peer.session.output and not peer.writing:
            delay = self.world.write_delay()
            if delay and peer.session.closing is None:
                peer.writing = True
                self.world.after(delay, self._write_later, peer, self.life)
            else:
                self._write(peer)
        if peer.session.closing is not None and not peer.connection.reading:
            self._drop(peer)
        elif peer.received and peer.session.wants_input:
            self._parse(peer)

    def _write_later(self, peer: Peer, life: int) -> None:
        peer.writing = False
        if not self.up or life != self.life or peer.link not in self.peers:
            return
        if self._deferred(lambda: self._write_later(peer, life)):
            return

        def act() -> None:
            self._write(peer)
            if peer.received and peer.session.wants_input:
                self._parse(peer)
            self._turn()

        self._guard(act)

    def _write(self, peer: Peer) -> None:
        """Ranges are read now, however long ago the core answered with them."""
        connection = peer.connection
        parts: list[bytes] = []
        while peer.session.output and not connection.reading:
            work = connection.gather(self.fs)
            if work is not None:
                self.in_flight[work.id] = work
                self.world.start_work(work, self.life)
            elif not connection.sending:
                raise Violation(f"a range of {peer.session.output[0]} could not be read")
            parts += [bytes(view) for view in connection.sending]
            connection.sending.clear()
        if parts:
            peer.link.send_to_client(b"".join(parts))

    def _submit(self) -> None:
        for work in self.core.take_work():
            self.in_flight[work.id] = work
            self.world.start_work(work, self.life)

    def work_ended(self, work: Work, result: bytes | None, error: OSError | None) -> None:
        """A work's last step was done, or one failed."""
        if self._deferred(lambda: self.work_ended(work, result, error)):
            return
        if self.in_flight.get(work.id) is not work:
            return  # of a process that is no more: the next one counts its works from 1, too
        del self.in_flight[work.id]
        self.failed.pop(work.id, None)

        def act() -> None:
            if work.id < 0:
                self._piece_read(-work.id, result)
            else:
                self.core.done(work.id, result, error, self.now)
            self._turn()

        self._guard(act)

    def _piece_read(self, session_id: int, piece: bytes | None) -> None:
        """A piece of an answer that was not in the page cache was read."""
        peer = self._by_session.get(session_id)
        if peer is None:
            return  # it left meanwhile
        peer.connection.reading = False
        if not piece:
            self._drop(peer)
            return
        peer.connection.took(piece)
        self._write(peer)
        self.core.announce(peer.session)

    def _schedule_wake(self) -> None:
        deadline = self.core.next_deadline()
        if deadline is None:
            return
        at = max(deadline + self.booted_ms - 1_000, self.world.time_ms + 1)
        if self._wake_at is None or at < self._wake_at:
            self._wake_at = at
            self.world.after(at - self.world.time_ms + self.world.tick_delay(), self._wake, self.life, at)

    def _wake(self, life: int, at: int) -> None:
        if not self.up or life != self.life or at != self._wake_at:
            return
        if self._deferred(lambda: self._wake(life, at)):
            return
        self._wake_at = None
        self._guard(self._turn)
