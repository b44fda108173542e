"""Acknowledgements: what makes no sense, what is not the member's, and all or nothing."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.share.acknowledge import check
from neuraxis.broker.coordinators.share.commands import Ack
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.coordinators.share.world import ACCEPT, GAP, LOCK_MS, REJECT, RELEASE, RENEW, World


@pytest.mark.parametrize(
    "acks",
    [
        [Ack(3, 2, (1,))],
        [Ack(-1, 2, (1,))],
        [Ack(6, 6, (1,)), Ack(2, 2, (1,))],
        [Ack(2, 2, ())],
        [Ack(2, 4, (1, 1))],
        [Ack(2, 2, (9,))],
        [Ack(2, 2, (-1,))],
        [Ack(2, 2, (RENEW,))],
    ],
)
def test_what_makes_no_sense_is_refused(acks: list[Ack]) -> None:
    with pytest.raises(Refused) as caught:
        check(acks, renew=False)
    assert caught.value.code == ErrorCode.INVALID_REQUEST


def test_what_makes_sense_passes() -> None:
    check([Ack(0, 2, (1,)), Ack(2, 3, (0, 2)), Ack(9, 9, (RENEW,))], renew=True)


def code_of(world: World, member: str, *acks: tuple[int, int, int | tuple[int, ...]]) -> int:
    before = world.runs()
    with pytest.raises(Refused) as caught:
        world.ack(member, *acks)
    assert world.runs() == before
    return caught.value.code


def test_each_offset_can_have_its_own_type() -> None:
    world = World(6)
    world.acquire("ada")
    world.ack("ada", (1, 5, (ACCEPT, RELEASE, REJECT, GAP, ACCEPT)))
    assert world.runs() == [
        (0, 0, "acquired", 1),
        (1, 1, "acknowledged", 1),
        (2, 2, "available", 1),
        (3, 4, "archived", 1),
        (5, 5, "acknowledged", 1),
    ]


def test_what_was_never_delivered_is_refused_and_nothing_of_the_request_counts() -> None:
    world = World(10)
    world.acquire("ada")
    assert code_of(world, "ada", (0, 0, ACCEPT), (100, 101, ACCEPT)) == ErrorCode.INVALID_REQUEST
    assert code_of(world, "ada", (9, 10, ACCEPT)) == ErrorCode.INVALID_REQUEST


def test_what_another_has_is_refused() -> None:
    world = World(10)
    world.acquire("ada")
    assert code_of(world, "bob", (0, 0, ACCEPT)) == ErrorCode.INVALID_RECORD_STATE


def test_what_is_settled_twice_is_refused_but_for_what_is_forgotten_by_then() -> None:
    world = World(10)
    world.acquire("ada")
    world.ack("ada", (0, 1, ACCEPT), (5, 5, ACCEPT))
    assert code_of(world, "ada", (5, 5, ACCEPT)) == ErrorCode.INVALID_RECORD_STATE
    assert code_of(world, "ada", (6, 7, ACCEPT), (7, 8, ACCEPT)) == ErrorCode.INVALID_RECORD_STATE
    world.ack("ada", (0, 0, ACCEPT))
    world.ack("ada", (0, 2, (RELEASE, RELEASE, ACCEPT)))
    assert world.partition.start_offset == 3


def test_it_is_too_late_when_the_lock_has_ended() -> None:
    world = World(10)
    world.acquire("ada")
    world.advance(LOCK_MS)
    assert code_of(world, "ada", (0, 0, ACCEPT)) == ErrorCode.INVALID_RECORD_STATE


def test_a_record_released_at_its_last_delivery_is_archived() -> None:
    world = World(2, delivery_count_limit=2)
    world.acquire("ada")
    world.leave("ada")
    world.acquire("ada")
    world.ack("ada", (1, 1, RELEASE))
    assert world.runs()[1] == (1, 1, "archived", 2)
