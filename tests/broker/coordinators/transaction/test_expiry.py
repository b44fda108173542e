"""Transactions that take too long, and ids nobody uses."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.transaction import expiry
from neuraxis.broker.coordinators.transaction.facts import Phase
from tests.broker.coordinators.transaction.world import NAME, P0, P1, World

HOUR = 3_600_000
WEEK = 7 * 24 * HOUR


def test_an_open_transaction_is_aborted_when_its_time_is_up() -> None:
    world = World()
    world.init(timeout_ms=5_000)
    world.advance(60_000)
    assert not world.state.endings, "nothing is open"
    world.add(P0)
    world.advance(4_000)
    world.add(P1)
    world.advance(999)
    assert not world.state.endings, "it is the beginning that counts"
    world.advance(1)
    ending = world.state.endings[NAME]
    assert (ending.prepared.phase, ending.prepared.producer_epoch, ending.reply) == (
        Phase.PREPARE_ABORT,
        1,
        None,
    )
    world.finish()
    assert world.known().phase is Phase.COMPLETE_ABORT


def test_an_end_that_began_in_time_is_not_overtaken() -> None:
    world = World()
    world.init(timeout_ms=5_000)
    world.add(P0)
    world.end()
    world.advance(60_000)
    assert world.state.endings[NAME].prepared.phase is Phase.PREPARE_COMMIT


def test_a_restart_grants_the_whole_time_again() -> None:
    world = World()
    world.init(timeout_ms=5_000)
    world.add(P0)
    world.advance(4_999)
    world.restart()
    world.advance(4_999)
    assert not world.state.endings
    world.advance(1)
    assert NAME in world.state.endings


def test_many_at_once_are_aborted_in_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "MAX_DUE", 3)
    world = World()
    for number in range(10):
        world.init(f"t{number}", timeout_ms=5_000)
        world.add(P0, name=f"t{number}")
    world.advance(5_000)
    assert len(world.state.endings) == 10


def test_ids_nobody_uses_are_forgotten_in_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "CLEANUP_IDS", 3)
    world = World()
    for number in range(10):
        world.init(f"t{number}", timeout_ms=900_000)
    world.advance(WEEK - 2 * HOUR)
    world.init("t3")
    world.init("open", timeout_ms=900_000)
    world.advance(3 * HOUR)
    assert set(world.state.transactions) == {"t3", "open"}
    assert world.fold().transactions == world.state.transactions
    assert set(world.state.owners.values()) == {"t3", "open"}


def test_open_transactions_are_not_forgotten() -> None:
    world = World(transaction_max_timeout_ms=2**31 - 1)
    world.init(timeout_ms=2**31 - 1)
    world.add(P0)
    world.advance(2 * WEEK)
    assert NAME in world.state.transactions


def test_a_stepped_wall_clock_suspends_it() -> None:
    world = World()
    world.init()
    world.advance(2 * HOUR, wall_ms=2 * WEEK)
    assert NAME in world.state.transactions
