"""Only the newest connection that spoke for a transactional id is heard."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.transaction.connection import StaleConnection, spoke
from neuraxis.broker.coordinators.transaction.facts import Phase
from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.transaction.world import NAME, P0, World


def begun(connection: int) -> World:
    world = World()
    world.init(connection=connection)
    return world


def test_a_newer_connection_takes_over_and_an_older_one_is_stale() -> None:
    world = begun(5)
    assert world.add(P0, connection=7, version=0) == ErrorCode.NONE
    with pytest.raises(StaleConnection, match="a newer connection speaks for transactional id 'payments'"):
        world.end(connection=5, version=1)
    with pytest.raises(StaleConnection):
        world.add(P0, connection=6, version=0)
    assert world.known().phase is Phase.ONGOING
    assert world.end(connection=7, version=1) is None


def test_whoever_begins_to_write_is_heard_whatever_its_connection() -> None:
    world = begun(9)
    world.init(connection=4)
    assert world.add(P0, connection=4, version=0) == ErrorCode.NONE


def test_a_fenced_producer_takes_nothing_over() -> None:
    world = begun(1)
    world.init(connection=2)
    assert world.add(P0, who=(100, 0), connection=8, version=0) == ErrorCode.PRODUCER_FENCED
    assert world.state.connections[NAME] == 2


def test_the_new_protocol_does_not_care() -> None:
    world = begun(5)
    assert spoke(world.state, NAME, None) == ()
    assert spoke(world.state, NAME, 5) == ()


def test_after_a_restart_whoever_comes_first_is_heard() -> None:
    world = begun(5)
    world.restart()
    assert world.add(P0, connection=1, version=0) == ErrorCode.NONE
