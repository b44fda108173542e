"""Seeded lives of a store: random work in random order, random crashes, the same promises. A failure names its seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.log import Log
from tests.broker.log.harness import INTERVAL, OPTIONS, OS, SYNC, World
from tests.simulation.disk import SimCrash, SimFs

SEEDS = 100
BIG = 70_000


def live(world: World, rng: Random, length: int) -> None:
    """One life: appends, works done step by step in any order, time, deletions, new topics, new policies."""
    for _ in range(length):
        act(world, rng)
        world.observe()


def act(world: World, rng: Random) -> None:
    store = world.store
    logs = [log for key, log in sorted(store.logs.items()) if key in world.histories]
    draw = rng.random()
    if draw < 0.45 and logs:
        append(world, rng, rng.choice(logs))
    elif draw < 0.80:
        world.take()
        for _ in range(rng.randint(1, 4)):
            if world.works:
                world.step(rng.randrange(len(world.works)))
    elif draw < 0.85:
        world.store.next_deadline()
        world.tick(rng.choice([1, 100, 1_000, 60_000]))
    elif draw < 0.90:
        topic = rng.choice("abcd")
        if not any(log.topic == topic for log in logs):
            settings = rng.choice([SYNC, SYNC, OS, INTERVAL])
            if rng.random() < 0.5:
                settings = replace(settings, segment_bytes=200_000)
            world.create(topic, settings, generation=len(world.histories))
    elif draw < 0.92 and len(logs) > 2:
        world.delete(rng.choice(logs))
    elif draw < 0.94 and logs:
        log = rng.choice(logs)
        if log.durable_offset > log.log_start_offset:
            world.advance_start(log, rng.randint(log.log_start_offset, log.durable_offset))
    elif draw < 0.96 and logs:
        world.configure(rng.choice(logs), rng.choice([SYNC, OS, INTERVAL]))
    elif draw < 0.97:
        world.settle()


def append(world: World, rng: Random, log: Log) -> None:
    size = BIG if log.settings.segment_bytes > BIG and rng.random() < 0.2 else rng.choice([5, 50, 600])
    world.append(log, size, records=1 if size == BIG else rng.randint(1, 3))


@pytest.mark.parametrize("block", range(10))
def test_random_lives_keep_their_promises(block: int) -> None:
    for seed in range(block * SEEDS // 10, (block + 1) * SEEDS // 10):
        try:
            run(seed)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise


def run(seed: int) -> None:
    rng = Random(seed)
    limit = rng.choice([5_000, 1 << 40])
    options = replace(OPTIONS, checkpoint_bytes=limit, unsynced_bytes=limit)
    world = World(seed, SimFs(), options)
    world.start()
    for _ in range(rng.randint(2, 5)):
        end = rng.random()
        if end < 0.8:
            world.fs.crash_at = world.fs.operations + rng.randint(1, 250)
            world.fs.crash_how = rng.choice(["before", "after", "half"])
        try:
            live(world, rng, rng.randint(20, 150))
            if end > 0.9:
                while world.works:
                    world.step()
                world.observe()
                world.store.close(world.now)
        except SimCrash:
            pass
        power = rng.random() < 0.6
        recover(world, rng, power)


def fault_at(at: int, kind: int) -> Callable[[str, str, int], OSError | None]:
    """A fault of operation `at`."""

    def fault(operation: str, path: str, number: int) -> OSError | None:
        return OSError(kind, "injected") if number == at and operation != "read" else None

    return fault


def recover(world: World, rng: Random, power: bool) -> None:
    while True:
        if power:
            world.fs.power_loss(rng)
        else:
            world.fs.kill()
        if rng.random() < 0.3:
            world.fs.crash_at = world.fs.operations + rng.randint(1, 60)
        try:
            world.start()
        except SimCrash:
            continue
        world.fs.crash_at = None
        break
    world.check(power)
    world.configure_all()


@pytest.mark.parametrize("block", range(4))
def test_a_failed_write_or_sync_stops_the_broker_and_loses_nothing(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        rng = Random(seed)
        world = World(seed, SimFs())
        world.start()
        at = rng.randint(20, 300)
        kind = rng.choice([5, 28])
        world.fs.fault = fault_at(at, kind)
        try:
            live(world, rng, 400)
            failed = False
        except StorageFailed:
            failed = True
        assert failed or world.fs.operations < at
        try:
            if (
                rng.random() < 0.5
            ):  # a new process, the same machine: the pages of the failed sync still read well
                recover(world, rng, power=False)
                live(world, rng, 30)
            recover(world, rng, power=True)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
