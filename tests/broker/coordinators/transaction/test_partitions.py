"""Partitions join a transaction, and who may say so."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.transaction.facts import Phase
from neuraxis.broker.coordinators.transaction.partitions import verify
from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.transaction.world import NAME, P0, P1, World


def begun() -> World:
    world = World()
    world.init()
    return world


def test_the_transaction_begins_with_the_first_partition() -> None:
    world = begun()
    started = world.now.wall_ms
    assert world.add(P0) == ErrorCode.NONE
    world.advance(50)
    assert world.add(P1, P0) == ErrorCode.NONE
    known = world.known()
    assert (known.phase, known.partitions, known.start_timestamp_ms) == (Phase.ONGOING, (P0, P1), started)
    written = len(world.log)
    assert world.add(P0) == ErrorCode.NONE
    assert len(world.log) == written, "nothing new, nothing written"


def test_the_next_transaction_begins_without_the_partitions_of_the_last() -> None:
    world = begun()
    world.add(P0)
    world.end()
    world.finish()
    assert world.add(P1) == ErrorCode.NONE
    assert world.known().partitions == (P1,)


@pytest.mark.parametrize(
    ("name", "who", "code"),
    [
        ("nobody", (100, 0), ErrorCode.INVALID_PRODUCER_ID_MAPPING),
        ("", (100, 0), ErrorCode.INVALID_REQUEST),
        (NAME, (101, 0), ErrorCode.INVALID_PRODUCER_ID_MAPPING),
        (NAME, (100, 1), ErrorCode.PRODUCER_FENCED),
        (NAME, (100, -1), ErrorCode.PRODUCER_FENCED),
    ],
)
def test_strangers_and_zombies_are_refused(name: str, who: tuple[int, int], code: ErrorCode) -> None:
    world = begun()
    assert world.add(P0, name=name, who=who) == code
    assert verify(world.state, name, *who, P0) == code
    assert world.known().phase is Phase.EMPTY


def test_nobody_joins_while_the_transaction_is_being_ended() -> None:
    world = begun()
    world.add(P0)
    world.end()
    assert world.add(P1) == ErrorCode.CONCURRENT_TRANSACTIONS
    assert verify(world.state, NAME, 100, 0, P0) == ErrorCode.CONCURRENT_TRANSACTIONS


def test_what_never_joined_is_told_apart() -> None:
    world = begun()
    assert verify(world.state, NAME, 100, 0, P0) == ErrorCode.TRANSACTION_ABORTABLE
    world.add(P0)
    assert verify(world.state, NAME, 100, 0, P0) == ErrorCode.NONE
    assert verify(world.state, NAME, 100, 0, P1) == ErrorCode.TRANSACTION_ABORTABLE
