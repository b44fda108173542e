"""One world: a heap of events drawn from a seed, the broker in the middle, actors around it, and what goes wrong."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import contextmanager
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from neuraxis.broker import config_table, fetch_sessions, shares
from neuraxis.broker.config_table.rows import ConfigKey
from neuraxis.broker.coordinators import snapshot
from neuraxis.broker.handlers import fetch
from neuraxis.broker.log import journal
from neuraxis.broker.work import perform_step
from tests.simulation import actors, cold
from tests.simulation.checkers import Checkers
from tests.simulation.disk import SimCrash
from tests.simulation.faults import PLENTY, Disk, Faults
from tests.simulation.host import Host
from tests.simulation.model import Model
from tests.simulation.network import Link
from tests.simulation.plan import Plan, draw
from tests.simulation.rot import NAMED, Rot
from tests.simulation.story import LoggedError, Story, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any  # Any: whatever an event's action takes

    from neuraxis.broker.work import Work
    from tests.simulation.network import Client

START_WALL_MS = 1_800_000_000_000
SETTLE_MS = 20_000  # within this much simulated time after healing, everything must be in order
MAX_EVENTS = 60_000  # a world has a few thousand; more means that something spins
NEVER_DOWN_MS = 4_000


class World:
    """A seed's world. `run` plays it to its end or raises Violation."""

    def __init__(self, plan: Plan, *, keep_story: bool = False) -> None:
        self.plan = plan
        self.story = Story(keep_all=keep_story)
        self.time_ms = 0
        self.wall_offset_ms = START_WALL_MS
        self.events = 0  # planned; most of those that wait for a call's timeout never come
        self.played = 0
        self.healed = False
        self.finished = False
        self.last_call = ""
        self.disk_was_hurt = False
        self.injected: Counter[str] = Counter()  # what really went wrong, not what was planned
        self.places: Counter[str] = Counter()  # and where: "crash|place|operation"
        self.observed: Counter[str] = Counter()  # what became of it
        self._heap: list[tuple[int, int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._rng = self.fork("ties")
        self.network_rng = self.fork("network")
        self.disk_rng = self.fork("disk")
        self.shell_rng = self.fork("shell")
        self._done_steps: dict[int, int] = {}
        self._links = 0
        self.fs = Disk(PLENTY)
        cold.lose_pages(self)
        self.faults = Faults(self)
        self.rot = Rot(self)
        self.model = Model(self)
        self.checkers = Checkers(self)
        self.host = Host(self)
        self.actors = actors.cast(self)

    # ---- for everybody -----------------------------------------------------------------------------------------

    def fork(self, name: str) -> Random:
        """A component's own luck: what one draws does not move another."""
        return Random(f"{self.plan.seed}/{name}")

    @property
    def wall_ms(self) -> int:
        """The wall clock, which may jump."""
        return self.time_ms + self.wall_offset_ms

    def after(self, delay_ms: int, action: Callable[..., None], *arguments: Any) -> None:
        """Do something later; what is due at the same time comes in an order of luck."""
        self.events += 1
        entry = (self.time_ms + delay_ms, self._rng.getrandbits(8), self.events, action, arguments)
        heappush(self._heap, entry)

    def tell(self, text: str) -> None:
        """Add to the story."""
        self.story.tell(self.time_ms, text)

    def connect(self, client: Client) -> Link:
        """A new link between a client and the host."""
        self._links += 1
        return Link(self, client, self._links)

    def write_delay(self) -> int:
        """How long a socket takes no bytes: mostly not at all."""
        if self.healed or self.shell_rng.random() < 0.9:
            return 0
        return self.shell_rng.randint(1, 400)

    def tick_delay(self) -> int:
        """How late a tick comes."""
        if self.healed or self.shell_rng.random() < 0.9:
            return 0
        self.injected["late tick"] += 1
        return self.shell_rng.randint(1, 300)

    # ---- works -------------------------------------------------------------------------------------------------

    def start_work(self, work: Work, life: int) -> None:
        """A thread takes the work: its steps are done in order, each in its own time."""
        self._done_steps[work.id] = 0
        self.after(self._disk_delay(), self._step_work, work, life, 0)

    def steps_done(self, work_id: int) -> int:
        """How many steps of a running work are done."""
        return self._done_steps.get(work_id, 0)

    def forget_works(self) -> None:
        """The process is gone."""
        self._done_steps.clear()

    def _disk_delay(self) -> int:
        most = self.plan.disk_delay_ms
        if self.healed:
            return 1
        return (
            self.disk_rng.randint(0, most)
            if self.disk_rng.random() < 0.97
            else self.disk_rng.randint(most, 400)
        )

    def _step_work(self, work: Work, life: int, index: int) -> None:
        if not self.host.up or life != self.host.life or work.id not in self.host.in_flight:
            return
        result: bytes | None = None
        if index < len(work.steps):
            self.fs.work = work.kind
            try:
                result = perform_step(self.fs, work.steps[index])
            except OSError as error:
                self.tell(f"host: {work.kind} failed: {error!r}")
                self.host.failed[work.id] = error
                self.after(self._disk_delay(), self.host.work_ended, work, None, error)
                return
            except SimCrash as crash:
                self.crashed(str(crash))
                return
            finally:
                self.fs.work = ""
        self._done_steps[work.id] = index + 1
        if index + 1 < len(work.steps):
            self.after(self._disk_delay() if index % 4 == 3 else 0, self._step_work, work, life, index + 1)
        else:
            self.after(self._disk_delay(), self.host.work_ended, work, result, None)

    # ---- faults ------------------------------------------------------------------------------------------------

    def crashed(self, why: str) -> None:
        """The process ended: by a storage failure, or in the middle of a disk operation."""
        kind = self.faults.crash_kind if why != "stopped" else "kill"
        self.tell(f"host: died ({kind or 'kill'}) at {why}")
        if why != "stopped":
            self.faults.died()
        self.die(power=kind == "crash power")

    def die(self, *, power: bool) -> None:
        """The process ends now; with `power` the machine does."""
        self.checkers.before_death()
        self.injected["power loss" if power else "process killed or stopped by a failure"] += 1
        self.host.gone()
        if power:
            self.fs.power_loss(self.disk_rng)
            self.host.boot += 1
            self.host.booted_ms = self.time_ms
        else:
            self.fs.kill()
            if self.model.all_sync and self.disk_rng.random() < 0.3:
                self.checkers.cache_lost = True
                self.injected["cache dropped"] += 1
                self.fs.drop_caches()  # memory was short: what a failed sync lost is gone now
        self.faults.crash_kind = ""
        self.checkers.after_death(power=power)
        delay = self.shell_rng.randint(1, 1_500)
        self.after(delay, self.restart)

    def restart(self) -> None:
        """Start a process, unless one runs; its start may be cut short too."""
        if not self.host.up and not self.finished:
            if not self.healed and self.shell_rng.random() < 0.15:
                kind = "crash power" if self.shell_rng.random() < 0.6 else "crash kill"
                self.faults.plan_crash(kind, self.shell_rng.randint(1, 40))
            self.host.start()

    # ---- the run -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play the world, heal it, and hold it to its promises."""
        with _surroundings(self) as errors:
            self.host.start()
            for actor in self.actors:
                self.after(self._rng.randint(0, 50), actor.start)
            self.faults.schedule()
            self.after(self.plan.duration_ms, self._heal)
            self._play(errors)
            self.checkers.at_end()
            for line in self.fs.trace:
                self.story._digest.update(line.encode())

    def _play(self, errors: list[Exception]) -> None:
        heap = self._heap
        while heap and not self.finished:
            time_ms, _, _, action, arguments = heappop(heap)
            self.time_ms = time_ms
            self.played += 1
            action(*arguments)
            if errors:
                raise errors[0]
            if self.events > MAX_EVENTS:
                raise Violation(f"{self.events} events: something spins; the last call was {self.last_call}")

    def _heal(self) -> None:
        """From here on nothing goes wrong any more."""
        if self.events < self.plan.least_events:
            self.after(100, self._heal)
            return
        self.tell("world: everything heals")
        self.healed = True
        self.faults.heal()
        for actor in self.actors:
            actor.heal()
        self.after(SETTLE_MS, self._finish)
        self._watch()

    def _watch(self) -> None:
        """The world may end early once every actor has what it waits for."""
        enough = self.played >= self.plan.least_played
        if enough and all(actor.content() for actor in self.actors) and self.host.up and self.rot.content():
            self._finish()
        else:
            self.after(self.plan.watch_ms, self._watch)

    def _finish(self) -> None:
        self.finished = True


class _Errors(logging.Handler):
    """Errors that the broker logs are failures here: a handler that raised, above all."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self.world = world
        self.found: list[Exception] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None and self.world.rot.spots and any(words in str(record.msg) for words in NAMED):
            self.world.observed["said in the broker's log"] += 1
            return
        # A checker that listens inside the broker may have been caught by it: its verdict stands.
        self.found.append(error if isinstance(error, Violation) else LoggedError(self.format(record)))


@contextmanager
def _surroundings(world: World) -> Iterator[list[Exception]]:
    """Small segments and small references are allowed in here; the broker's log and its sessions are listened to."""
    plan = world.plan
    logger = logging.getLogger("neuraxis.broker")
    errors = _Errors(world)
    before = logger.level, logger.propagate, journal.LARGEST_COPY, snapshot.SNAPSHOT_BYTES
    checkpoint, eviction_ms = shares.CHECKPOINT_BATCHES, fetch_sessions.EVICTION_MS
    in_session = fetch._Waiter.in_session
    row = config_table.TOPIC_CONFIGS["segment.bytes"]
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    logger.addHandler(errors)
    journal.LARGEST_COPY = plan.largest_copy
    snapshot.SNAPSHOT_BYTES = plan.snapshot_bytes
    shares.CHECKPOINT_BATCHES = plan.share_checkpoint
    fetch_sessions.EVICTION_MS = plan.eviction_ms

    def told(waiter: Any, *asked: Any, **how: Any) -> Any:
        found = in_session(waiter, *asked, **how)
        world.checkers.mirrors.answered(waiter, *found)
        return found

    fetch._Waiter.in_session = told  # type: ignore[method-assign]  # the only place where a session's answer is whole
    config_table.TOPIC_CONFIGS["segment.bytes"] = ConfigKey(row.name, row.type, row.default, "14..", row.mode)
    try:
        yield errors.found
    finally:
        config_table.TOPIC_CONFIGS["segment.bytes"] = row
        logger.level, logger.propagate, journal.LARGEST_COPY, snapshot.SNAPSHOT_BYTES = before
        shares.CHECKPOINT_BATCHES, fetch_sessions.EVICTION_MS = checkpoint, eviction_ms
        fetch._Waiter.in_session = in_session  # type: ignore[method-assign]  # as above
        logger.removeHandler(errors)


def run_seed(seed: int, *, keep_story: bool = False) -> World:
    """The world of a seed, played to its end; the Violation it ends with knows the world."""
    return run_plan(draw(seed), keep_story=keep_story)


def run_plan(plan: Plan, *, keep_story: bool = False) -> World:
    """The world of a plan, played to its end. Any exception gets the attribute `world`."""
    world = World(plan, keep_story=keep_story)
    try:
        world.run()
    except Exception as error:
        error.world = world  # type: ignore[attr-defined]  # for whoever tells the story
        raise
    return world
