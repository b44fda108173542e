"""Crashes at every operation of a script, and of the recovery after it: killed, and with the power gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.settings import LogSettings
from tests.broker.log.harness import OS, SYNC, World
from tests.simulation.disk import SimCrash, SimFs

Script = Callable[[World], None]


def everyday(world: World) -> None:
    """Create, append small and large, roll, sync, checkpoint, delete and make anew, in one short life."""
    world.start()
    a = world.create("a", SYNC)
    b = world.create("b", SYNC)
    c = world.create("c", OS)
    for _ in range(4):
        world.append(a)
        world.append(c)
    world.settle()
    for _ in range(12):
        world.append(b, size=90)
        world.append(a, size=150)
    world.take()
    world.append(c, size=300)
    world.settle()
    world.checkpoint()
    world.append(a)
    world.append(b)
    world.settle()
    world.delete(b)
    b = world.create("b", SYNC, generation=1)
    world.append(b)
    world.settle()
    world.append(b)
    world.append(c)
    world.append(a)


def large(world: World) -> None:
    """Batches beyond 64 KiB, which the journal only refers to."""
    world.start()
    settings = replace(SYNC, segment_bytes=200_000)
    a = world.create("a", settings)
    b = world.create("b", settings)
    world.append(a, size=70_000, records=1)
    world.settle()
    world.append(b)
    world.append(a, size=70_000, records=1)
    world.append(b)
    world.take()
    world.append(a)
    world.append(a, size=70_000, records=1)
    world.settle()
    world.checkpoint()
    world.append(a, size=70_000, records=1)
    world.append(b)
    world.settle()
    world.append(b, size=70_000, records=1)


def policies(world: World) -> None:
    """A log that changes its policy, forth and back."""
    world.start()
    a = world.create("a", OS)
    b = world.create("b", SYNC)
    for _ in range(3):
        world.append(a)
    world.checkpoint()
    world.append(a)
    world.configure(a, SYNC)
    world.append(b)
    world.append(a)
    world.settle()
    world.append(a)
    world.append(b)
    world.settle()
    world.configure(a, OS)
    world.append(a)
    world.append(b)
    world.settle()
    world.append(a)
    world.configure(a, SYNC)
    world.append(a)
    world.settle()


def starts(world: World) -> None:
    """Records deleted, segments gone, a clean stop and a start after it."""
    world.start()
    a = world.create("a", SYNC)
    for _ in range(30):
        world.append(a, size=100)
    world.settle()
    world.advance_start(a, 31)
    world.checkpoint()
    world.tick(1_000)
    world.settle()
    for _ in range(3):
        world.append(a)
    world.settle()
    world.store.close(world.now)
    world.start()
    world.configure_all()
    a = world.log("a")
    world.append(a)
    world.settle()
    world.append(a)


SCRIPTS = [everyday, large, policies, starts]


def live_on(world: World) -> None:
    """After recovery the store is as good as new."""
    world.configure_all()
    for log in list(world.store.logs.values()):
        if (log.topic_id, log.partition) in world.histories and (
            log.topic_id,
            log.partition,
        ) not in world.deleted:
            world.append(log)
            world.append(log, size=400)
    world.settle()
    world.store.close(world.now)
    assert not world.start().unclean
    world.check(power=False)


def run_until_crash(script: Script, crash_at: int, how: str) -> World:
    world = World(seed=crash_at, fs=SimFs())
    world.fs.crash_at, world.fs.crash_how = crash_at, how
    with pytest.raises(SimCrash):
        script(world)
    return world


def operations_of(script: Script) -> int:
    world = World()
    script(world)
    return world.fs.operations


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
@pytest.mark.parametrize("power", [False, True], ids=["killed", "power lost"])
def test_a_crash_at_any_operation_keeps_what_was_promised(script: Script, power: bool) -> None:
    for crash_at in range(1, operations_of(script) + 1):
        how = ("before", "after", "half")[crash_at % 3]
        world = run_until_crash(script, crash_at, how)
        try:
            if power:
                world.fs.power_loss(Random(crash_at))
            else:
                world.fs.kill()
            world.start()
            world.check(power)
            live_on(world)
        except Exception as error:
            error.add_note(f"crash at {crash_at} ({how}): {world.fs.trace[crash_at - 1]}")
            raise


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
@pytest.mark.parametrize("power", [False, True], ids=["killed", "power lost"])
def test_a_crash_at_any_operation_of_recovery_loses_nothing_more(script: Script, power: bool) -> None:
    total = operations_of(script)
    for crash_at in range(total // 3, total + 1, max(1, total // 3)):
        again = 0
        while True:
            world = run_until_crash(script, crash_at, "after")
            rng = Random(crash_at * 1_000 + again)
            lose = (lambda: world.fs.power_loss(rng)) if power else world.fs.kill  # noqa: B023 - called in this turn only
            lose()
            again += 1
            world.fs.crash_at = world.fs.operations + again
            world.fs.crash_how = ("half", "before", "after")[again % 3]
            try:
                world.start()
            except SimCrash:
                lose()
                world.start()
                world.check(power)
                live_on(world)
                continue
            break
        assert again > 5


@pytest.mark.parametrize(
    ("settings", "size", "power"),
    [(OS, 20, False), (SYNC, 70_000, False), (SYNC, 70_000, True)],
    ids=["os", "large, kill", "large, power"],
)
@pytest.mark.parametrize("number", range(1, 8))
def test_a_log_made_anew_after_its_first_making_was_cut_off_keeps_its_records(
    number: int, settings: LogSettings, size: int, power: bool
) -> None:
    """The first directory is set aside at the start between; the one after that must not bring it back over the second."""
    world = World()
    world.start()
    world.settle()
    world.fs.crash_at, world.fs.crash_how = world.fs.operations + number, "after"
    with pytest.raises(SimCrash):
        world.create("a", settings)
    world.histories.clear()
    world.fs.kill()
    world.start()
    log = world.create("a", settings)
    world.append(log, size, records=1)
    world.settle()
    if power:
        world.fs.power_loss(Random(number))
    else:
        world.fs.kill()
    world.start()
    world.check(power)
    assert world.log("a").log_end_offset == log.log_end_offset
    live_on(world)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_fault_at_any_operation_of_recovery_stops_it_and_loses_nothing(script: Script) -> None:
    crash_at = operations_of(script) * 2 // 3
    for turn in range(1, 1_000):
        world = run_until_crash(script, crash_at, "after")
        world.fs.power_loss(Random(turn))
        at = world.fs.operations + turn
        world.fs.fault = lambda operation, path, number: (
            OSError(5, "injected") if number == at and operation != "read" else None  # noqa: B023 - this turn's
        )
        try:
            world.start()
        except StorageFailed:
            if turn % 2:
                world.fs.kill()
            else:
                world.fs.power_loss(Random(turn))
            world.start()
            world.check(power=True)
            live_on(world)
            continue
        assert turn > 10
        return
