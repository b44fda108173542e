"""How logs age: retention by time and size, idle logs, a clock that jumps."""

from __future__ import annotations

from dataclasses import replace

from neuraxis.broker.work import Now
from tests.broker.log.harness import INTERVAL, OPTIONS, OS, WALL, World


def started(**changes: int | str) -> World:
    world = World(options=replace(OPTIONS, **changes))  # type: ignore[arg-type]  # options by name
    world.start()
    return world


def test_retention_by_time_deletes_what_is_old_and_the_active_segment_too() -> None:
    world = started()
    log = world.create("a", replace(OS, retention_ms=3_600_000))
    for _ in range(30):
        world.append(log, size=200)
    world.tick(300_000)
    assert log.log_start_offset == 0
    world.now = Now(world.now.mono_ms + 3_600_000, world.now.wall_ms + 3_600_000)
    world.tick()
    assert log.log_start_offset == 0, "nobody is told before it is durable"
    world.checkpoint()
    assert log.log_start_offset == log.log_end_offset == 60
    assert log.size == 0
    world.tick(1_000)
    world.settle()
    assert [name for name in world.fs.list("a-0") if name.endswith(".log")] == [f"{60:020d}.log"]


def test_an_idle_log_is_aged_after_a_restart_too() -> None:
    world = started(producer_expiration_ms=600_000)
    log = world.create("a", replace(OS, retention_ms=3_600_000))
    world.append(log)
    world.store.close(world.now)
    world.start()
    world.configure_all()
    log = world.log("a")
    for _ in range(13):
        world.tick(300_000)
    world.checkpoint()
    assert log.log_start_offset == log.log_end_offset == 2
    assert log.producers.by_id == {}


def test_retention_by_size_keeps_at_least_that_much() -> None:
    world = started()
    log = world.create("a", replace(OS, retention_ms=-1, retention_bytes=5_000))
    for _ in range(60):
        world.append(log, size=200)
    world.tick(300_000)
    world.checkpoint()
    assert log.log_start_offset > 0
    assert 5_000 <= log.size < 5_000 + 2_000


def test_without_delete_in_its_policy_a_log_keeps_everything() -> None:
    world = started()
    log = world.create("a", replace(OS, retention_ms=1, delete=False))
    world.append(log)
    world.tick(900_000)
    assert log.log_start_offset == 0


def test_a_jump_of_the_wall_clock_suspends_deletion_by_time() -> None:
    world = started()
    log = world.create("a", replace(OS, retention_ms=3_600_000))
    world.append(log)
    world.tick()
    world.now = Now(world.now.mono_ms + 400_000, world.now.wall_ms + 10 * 86_400_000)
    world.tick()
    assert world.store.clock_stepped
    assert log.log_start_offset == 0
    world.now = Now(world.now.mono_ms + 400_000, WALL - 1_000 + world.now.mono_ms + 400_000)
    world.tick()
    assert not world.store.clock_stepped


def test_a_sync_asks_for_no_segment_that_is_below_the_start_and_gone() -> None:
    world = started()
    log = world.create("a", replace(INTERVAL, flush_ms=200_000))
    for _ in range(30):
        world.append(log, size=200)
    world.advance_start(log, 50)
    world.checkpoint()
    world.tick(1_000)
    world.settle()
    assert next(name for name in world.fs.list("a-0") if name.endswith(".log")) > f"{0:020d}.log"
    world.tick(200_000)  # the flush of all that was written
    world.settle()
    world.check(power=False)


def test_after_a_start_a_log_is_looked_at_soon_however_long_the_interval() -> None:
    world = started(retention_check_interval_ms=300_000)
    log = world.create("a", replace(OS, retention_ms=-1, retention_bytes=5_000))
    for _ in range(60):
        world.append(log, size=200)
    world.tick(30_000)
    world.checkpoint()
    assert log.log_start_offset > 0


def test_a_start_that_retention_moved_is_never_taken_back_by_a_crash() -> None:
    for steps in range(0, 200, 3):
        world = started(retention_check_interval_ms=1_000)
        log = world.create("a", replace(OS, retention_ms=-1, retention_bytes=5_000))
        for _ in range(60):
            world.append(log, size=200)
        world.store.next_deadline()
        world.tick(1_000)
        seen = log.log_start_offset
        world.take()
        for _ in range(steps):
            if world.works:
                world.step()
            world.take()
            world.store.next_deadline()
            world.tick(100)
            assert log.log_start_offset >= seen
            seen = log.log_start_offset
        if steps % 2:
            world.fs.kill()
        else:
            world.fs.power_loss(world.rng)
        world.start()
        world.configure_all()
        # There may be none: the power took its making, too.
        found = [each.log_start_offset for each in world.store.logs.values()]
        assert max(found, default=0) >= seen, steps
    assert seen > 0


def test_retention_does_not_wait_for_a_checkpoint_that_is_a_minute_away() -> None:
    world = started(retention_check_interval_ms=1_000)
    log = world.create("a", replace(OS, retention_ms=-1, retention_bytes=5_000))
    for _ in range(60):
        world.append(log, size=200)
    world.store.next_deadline()
    world.tick(1_000)
    world.store.next_deadline()
    world.tick(1_000)
    world.settle()
    assert log.log_start_offset > 0
