"""The state: owners of producer ids, deadlines without scans."""

from __future__ import annotations

from neuraxis.broker.coordinators.transaction.state import due, last_epoch, next_deadline
from tests.broker.coordinators.transaction.world import NAME, P0, World


def test_stale_deadlines_are_dropped_and_the_heap_stays_small() -> None:
    world = World()
    world.init(timeout_ms=900_000)
    for _ in range(3_000):
        world.add(P0)
        world.end(version=3)
        world.finish()
    assert next_deadline(world.state) is None
    assert len(world.state.heap) < 2_000
    world.add(P0)
    assert next_deadline(world.state) == world.now.mono_ms + 900_000


def test_the_oldest_are_due_first() -> None:
    world = World()
    for name, timeout_ms in (("a", 300), ("b", 100), ("c", 200)):
        world.init(name, timeout_ms=timeout_ms)
        world.add(P0, name=name)
    assert due(world.state, world.now.mono_ms + 250, 5) == ["b", "c"]
    assert due(world.state, world.now.mono_ms + 999, 2) == ["b", "c"]


def test_the_epoch_before_is_soft() -> None:
    world = World()
    world.init()
    assert last_epoch(world.state, NAME) == -1
    world.init(expected=(100, 0))
    assert last_epoch(world.state, NAME) == 0
    world.restart()
    assert last_epoch(world.state, NAME) == -1
