"""What a member is given: the limits of records and locks, pieces, and records that were delivered often."""

from __future__ import annotations

from neuraxis.broker.coordinators.share.commands import Acquire, AcquireMode
from tests.broker.coordinators.share.world import ACCEPT, KEY, RELEASE, World


def test_a_batch_is_given_whole_though_fewer_records_were_wanted() -> None:
    assert World(10, 10).acquire("ada", max_records=3) == [(0, 9, 1)]


def test_pieces_end_with_batches_of_the_log() -> None:
    world = World(10, 10, 10)
    assert world.acquire("ada", max_records=15, batch_size=5) == [(0, 9, 1), (10, 19, 1)]


def test_small_batches_come_together_up_to_the_batch_size() -> None:
    assert World(2, 2, 2, 2, 2).acquire("ada", batch_size=4) == [(0, 3, 1), (4, 7, 1), (8, 9, 1)]


def test_a_strict_limit_of_records_cuts_batches() -> None:
    world = World(60)
    assert world.acquire("ada", 3, mode=AcquireMode.RECORD_LIMIT) == [(0, 2, 1)]
    assert world.acquire("ada", 30, 10, mode=AcquireMode.RECORD_LIMIT) == [(3, 12, 1)]


def test_locks_are_limited_between_the_first_and_the_last_in_flight() -> None:
    world = World(10, 10, 10, 60, 60, 10, partition_max_record_locks=100)
    assert world.acquire("ada", max_records=43) == [(0, 89, 1)]
    assert world.acquire("ada") == [(90, 149, 1)]
    assert world.acquire("ada") == []
    world.ack("ada", (0, 49, ACCEPT))
    assert world.acquire("ada") == []
    world.ack("ada", (50, 59, ACCEPT))
    assert world.acquire("ada") == [(150, 159, 1)]


def test_whole_batches_below_the_limit_of_locks_are_given_before_one_that_exceeds_it() -> None:
    world = World(40, 40, 40, partition_max_record_locks=100)
    assert world.acquire("ada") == [(0, 79, 1)]
    assert world.acquire("ada") == [(80, 119, 1)]


def test_the_limit_of_locks_is_strict_when_that_of_records_is() -> None:
    world = World(150, partition_max_record_locks=100)
    assert world.acquire("ada", 120, 500, AcquireMode.RECORD_LIMIT) == [(0, 99, 1)]
    assert world.acquire("ada", 120, 500, AcquireMode.RECORD_LIMIT) == []


def test_what_was_given_back_is_given_again_above_the_limit_of_locks() -> None:
    world = World(100, 60, partition_max_record_locks=100)
    world.acquire("ada")
    world.ack("ada", (98, 99, RELEASE))
    assert world.acquire("bob") == [(98, 99, 2)]


def test_records_that_were_delivered_often_come_in_ever_smaller_pieces() -> None:
    world = World(4, 5)
    for count in (1, 2, 3):
        assert world.acquire("ada", max_records=4) == [(0, 3, count)]
        world.leave("ada")
    assert world.acquire("ada") == [(0, 1, 4)]
    assert world.acquire("bob") == [(2, 2, 4)]
    world.leave("ada")
    assert world.acquire("ada") == [(0, 0, 5)]
    assert world.acquire("ada") == [(1, 1, 5)]
    assert world.acquire("ada") == [(3, 3, 4)]
    assert world.acquire("ada") == [(4, 8, 1)]


def test_a_record_that_was_delivered_to_the_limit_is_given_up() -> None:
    world = World(1, delivery_count_limit=2)
    for count in (1, 2):
        assert world.acquire("ada") == [(0, 0, count)]
        world.leave("ada")
    assert world.acquire("ada") == []
    assert world.partition.start_offset == 1


def test_a_hole_in_the_log_goes_with_the_batch_after_it() -> None:
    world = World(5)
    world.end = 8
    world.produce(2)
    assert world.acquire("ada", max_records=6) == [(0, 9, 1)]


def test_no_batches_give_nothing() -> None:
    assert World().do(Acquire(KEY, "ada", (), 5, 5)) == []
