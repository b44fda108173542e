"""A page cache that has lost what is looked for, as often as the plan says: whoever looks on the loop has to be parked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuraxis.broker.log.filesystem import File
    from tests.simulation.world import World

INJECTED = "read that would have waited"


def lose_pages(world: World) -> None:
    """Let the world's disk say of some reads that they would wait. Luck of its own: it moves no other."""
    fs, percent, rng = world.fs, world.plan.cold_percent, world.fork("cold")
    if not percent:
        return

    def read_now(file: File, position: int, length: int) -> bytes | bytearray | None:
        if not world.healed and rng.randrange(100) < percent:
            world.injected[INJECTED] += 1
            return None
        return fs.read(file, position, length)

    fs.read_now = read_now  # type: ignore[method-assign]  # one instance of it
