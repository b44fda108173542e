"""Damage and what it forbids: refused within, clipped before, searched behind."""

from __future__ import annotations

import pytest

from neuraxis.broker.log.damage import Damage, beyond, clip, refuse
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.log.harness import OS, World


@pytest.fixture
def world() -> World:
    world = World()
    world.start()
    log = world.create("a", OS)
    for _ in range(20):
        world.append(log)
    log.ledger.damaged[log] = [Damage(0, 100, 300, 4, 9, "rot")]
    return world


def test_offsets_within_are_refused_with_their_extent(world: World) -> None:
    log = world.log("a")
    for offset in (3, 9):
        refuse(log, offset)
    for offset in (4, 8):
        with pytest.raises(Refused, match="offsets 4 to 8 are damaged: rot") as caught:
            refuse(log, offset)
        assert caught.value.code == ErrorCode.KAFKA_STORAGE_ERROR


def test_a_range_ends_where_damage_begins(world: World) -> None:
    log = world.log("a")
    segment = log.segments[0]
    assert clip(log, segment, 0, 500) == 100
    assert clip(log, segment, 300, 500) == 500
    with pytest.raises(Refused):
        clip(log, segment, 100, 500)


def test_a_search_begins_behind_damage_that_lies_before(world: World) -> None:
    log = world.log("a")
    segment = log.segments[0]
    assert beyond(log, segment, 9, 50) == 300
    assert beyond(log, segment, 9, 400) == 400
    assert beyond(log, segment, 3, 50) == 50
