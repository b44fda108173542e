"""Holds: files keep their names while somebody copies them, and no longer than that."""

from __future__ import annotations

import pytest

from neuraxis.broker.log.holds import LONGEST_MS, Holds
from neuraxis.broker.log.journal import Journal
from neuraxis.broker.log.ledger import Ledger
from neuraxis.broker.log.settings import StoreOptions
from neuraxis.broker.work import Now
from tests.broker.log.harness import OS, World
from tests.broker.log.test_cleaner import fill, started
from tests.simulation.disk import SimFs


class Held:
    def __init__(self) -> None:
        fs = SimFs()
        self.ledger = Ledger(fs, StoreOptions(), Journal(fs, 1_000))
        self.full = False
        self.holds = Holds(self.ledger, lambda: self.full)
        self.done: list[int] = []
        self.now = Now(0, 0)

    def want(self) -> None:
        self.holds.when_free(lambda now: self.done.append(now.mono_ms), self.now)

    def wait(self, ms: int) -> None:
        for _ in range(0, ms, 500):
            self.now = Now(self.now.mono_ms + 500, 0)
            self.ledger.ring(self.now)


@pytest.fixture
def held() -> Held:
    return Held()


def test_without_a_hold_everything_is_done_at_once(held: Held) -> None:
    held.want()
    assert held.done == [0]
    assert held.ledger.next_alarm() is None


def test_what_waits_is_done_when_the_last_hold_ends(held: Held) -> None:
    held.holds.open(1, 60_000, held.now)
    held.holds.open(2, 60_000, held.now)
    held.want()
    assert held.holds.release(1, held.now)
    assert not held.done
    assert held.holds.release(2, held.now)
    assert held.done == [0]
    assert not held.holds.release(2, held.now)


def test_a_hold_ends_by_itself_unless_it_is_renewed(held: Held) -> None:
    held.holds.open(1, 3_000, held.now)
    held.want()
    held.wait(2_000)
    assert held.holds.renew(1, 3_000, held.now)
    held.wait(2_500)
    assert not held.done
    held.wait(1_000)
    assert len(held.done) == 1
    assert not held.holds.renew(1, 3_000, held.now)
    held.wait(1_000)
    assert held.ledger.next_alarm() is None, "nothing ticks without a hold"


def test_no_hold_is_longer_than_the_limit_at_a_time(held: Held) -> None:
    held.holds.open(1, 1 << 60, held.now)
    held.wait(LONGEST_MS + 1_000)
    assert len(held.holds) == 0


def test_a_full_disk_ends_every_hold(held: Held) -> None:
    held.holds.open(1, 60_000, held.now)
    held.want()
    held.full = True
    held.wait(1_000)
    assert held.done
    assert not held.holds.renew(1, 60_000, held.now)


def test_compaction_does_not_exchange_segments_under_a_hold() -> None:
    world = started()
    fill(world)
    world.settle()
    names = world.fs.list("a-0")
    before = {name: bytes(world.fs.content(f"a-0/{name}")) for name in names if name.endswith(".log")}
    world.store.holds.open(1, 600_000, world.now)
    world.pass_time()
    assert world.store.cleaner.passes == 0
    for name, content in before.items():
        assert bytes(world.fs.content(f"a-0/{name}"))[: len(content)] == content
    world.check_compacted()
    world.store.holds.release(1, world.now)
    world.settle()
    assert world.store.cleaner.passes == 1
    world.check_compacted()


def test_a_kill_under_a_hold_leaves_an_exchange_that_the_start_finishes() -> None:
    world = started()
    fill(world)
    world.store.holds.open(1, 600_000, world.now)
    world.pass_time()
    world.fs.kill()
    world.again()
    world.check_compacted()


def test_retention_and_deletion_remove_nothing_under_a_hold() -> None:
    world = World()
    world.start()
    log = world.create("a", OS)
    gone = world.create("b", OS)
    for _ in range(60):
        world.append(log)
    world.append(gone)
    world.settle()
    world.checkpoint()
    names = world.fs.list("a-0")
    world.store.holds.open(1, 600_000, world.now)
    world.advance_start(log, log.log_end_offset)
    world.delete(gone)
    for _ in range(3):
        world.checkpoint()
    assert {name for name in names if name.endswith(".log")} <= set(world.fs.list("a-0"))
    assert f"b-0.{gone.topic_id.hex()}-delete" in world.fs.list("")
    world.store.holds.release(1, world.now)
    world.settle()
    world.checkpoint()
    assert f"{0:020d}.log" not in world.fs.list("a-0")
    assert f"b-0.{gone.topic_id.hex()}-delete" not in world.fs.list("")
