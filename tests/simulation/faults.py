"""What goes wrong in a world: the faults of its plan, and where in the broker they hit."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from tests.simulation.disk import SimFs
from tests.simulation.places import RECOVERY, place_of
from tests.simulation.plan import INSIDE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.plan import Aim, Fault
    from tests.simulation.world import World

PLENTY = 1 << 40
DISK_FAULTS = {"eio": "EIO", "enospc": "ENOSPC", "short": "short write", "sync": "failed sync"}
GROWS = ("write", "create", "mkdir", "allocate")
"""The operations that a full disk fails."""


class Disk(SimFs):
    """The simulated disk; while there is plenty of space nobody adds up what is used. It knows where it died."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.aim: Callable[[str, str], None] | None = None  # (operation, path): before it happens
        self.work = ""  # the kind of the work of which a step is being done
        self.hit = ("", "")  # the place and the operation in which the process died

    def used(self) -> int:
        """Bytes in all files."""
        return self.capacity - super().space()

    def space(self) -> int:
        return self.capacity if self.capacity == PLENTY else super().space()

    def _step(self, operation: str, path: str) -> bool:
        if self.aim is not None:
            self.aim(operation, path)
        if self.operations + 1 == self.crash_at:
            self.hit = place_of(path, self.work), operation
        return super()._step(operation, path)


class Faults:
    """Brings about what the plan says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.crash_kind = ""
        self._aims: list[Aim] = []
        self._passed: list[int] = []  # operations in the place of each aim since it is there

    def schedule(self) -> None:
        """Put all of them into the world's future."""
        world = self.world
        for fault in world.plan.faults:
            world.after(fault.at_ms, self.inject, fault)
        for aim in world.plan.aims:
            world.after(aim.at_ms, self._take_aim, aim)
        for rot in world.plan.rots:
            world.after(rot.at_ms, world.rot.strike, rot.number, rot.kind == INSIDE)

    def heal(self) -> None:
        """From here on nothing goes wrong any more."""
        fs = self.world.fs
        fs.fault = fs.crash_at = fs.aim = None
        fs.capacity = PLENTY

    def plan_crash(self, kind: str, number: int) -> None:
        """The process (or with it the machine) ends in the disk operation of this number from now."""
        self.crash_kind = kind
        self.world.fs.crash_at = self.world.fs.operations + number
        self.world.fs.crash_how = self.world.shell_rng.choice(("before", "after", "half"))

    def died(self) -> None:
        """The process ended at a disk operation: say where."""
        world = self.world
        world.injected["death inside a disk operation"] += 1
        place, operation = world.fs.hit
        world.places[f"crash|{place}|{operation}"] += 1
        if not world.host.up:
            world.injected["death inside recovery"] += 1

    def inject(self, fault: Fault) -> None:
        """A fault's time has come."""
        world, kind, number = self.world, fault.kind, fault.number
        if world.healed:
            return
        world.tell(f"fault: {kind} {number}")
        if kind in ("kill", "power"):
            if world.host.up:
                world.die(power=kind == "power")
        elif kind == "stop":
            if world.host.up:
                world.injected["clean stop"] += 1
                world.host.stop()
                if not world.host.up:
                    world.after(world.shell_rng.randint(1, 500), world.restart)
        elif kind == "cut":
            for link in list(world.host.peers):
                if link.open and world.network_rng.random() < 0.7:
                    world.injected["connection cut"] += 1
                    link.cut()
        elif kind == "pause":
            world.injected["broker paused"] += 1
            world.host.paused_until_ms = world.time_ms + 50 * number
        elif kind == "clock":
            world.injected["wall clock moved"] += 1
            world.wall_offset_ms += number
            world.model.clock_moved()
        elif kind.startswith("crash"):
            self.plan_crash(kind, number)
        elif kind == "full":
            world.fs.capacity = world.fs.used() + world.shell_rng.choice((0, 2_000, 1 << 19))
            world.disk_was_hurt = True
            world.injected["disk full"] += 1
            world.after(50 * number, self._make_room)
        else:
            self._hurt_disk(kind, number)

    def _make_room(self) -> None:
        self.world.fs.capacity = PLENTY

    def _hurt_disk(self, kind: str, number: int) -> None:
        """One operation from now fails: a write, a short one, a sync."""
        world = self.world
        at = world.fs.operations + number
        world.disk_was_hurt = True
        wanted = {"eio": (), "enospc": GROWS, "short": ("write",), "sync": ("sync",)}
        code = errno.ENOSPC if kind in ("enospc", "short") else errno.EIO

        def fail(operation: str, path: str, now: int) -> OSError | None:
            if now < at or operation == "read" or (wanted[kind] and operation not in wanted[kind]):
                return None
            world.fs.fault = None
            world.injected[DISK_FAULTS[kind]] += 1
            world.places[f"error|{place_of(path, world.fs.work)}|{operation}"] += 1
            return OSError(code, "injected", path)

        world.fs.fault = fail

    # ---- aimed ones ----------------------------------------------------------------------------------------------

    def _take_aim(self, aim: Aim) -> None:
        if self.world.healed:
            return
        self._aims.append(aim)
        self._passed.append(0)
        self.world.fs.aim = self._aimed

    def _aimed(self, operation: str, path: str) -> None:
        """An operation is about to happen while some are aimed at: perhaps it is the one."""
        world = self.world
        place = place_of(path, world.fs.work)
        for index, aim in enumerate(self._aims):
            if place != aim.place and not (aim.place == RECOVERY and place.startswith(RECOVERY)):
                continue
            if aim.place == RECOVERY and world.host.life < 2:
                continue  # there is nothing to recover yet
            if aim.operation not in ("", operation):
                continue
            self._passed[index] += 1
            if self._passed[index] < aim.number or world.fs.crash_at == world.fs.operations + 1:
                continue
            del self._aims[index], self._passed[index]
            if not self._aims:
                world.fs.aim = None
            self._hit(aim, operation, path, place)
            return

    def _hit(self, aim: Aim, operation: str, path: str, place: str) -> None:
        world = self.world
        world.tell(f"fault: {aim.kind} aimed at {aim.operation or 'operation'} {aim.number} of {aim.place}")
        world.injected["aimed fault"] += 1
        if aim.kind.startswith("crash"):
            self.crash_kind = aim.kind
            world.fs.crash_at, world.fs.crash_how = world.fs.operations + 1, aim.how
            return
        world.disk_was_hurt = True
        full = aim.how == "half" and operation in GROWS
        world.injected["ENOSPC" if full else "EIO"] += 1
        world.places[f"error|{place}|{operation}"] += 1
        raise OSError(errno.ENOSPC if full else errno.EIO, "injected", path)
