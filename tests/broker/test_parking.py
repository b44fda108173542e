from __future__ import annotations

from neuraxis.broker.parking import Parking
from neuraxis.broker.work import Now


def at(mono_ms: int) -> Now:
    return Now(mono_ms, 1_000_000 + mono_ms)


def test_a_timer_fires_at_its_time_and_not_a_millisecond_before() -> None:
    parking, fired = Parking(), []
    parking.at(100, fired.append)
    parking.fire(at(99))
    assert fired == []
    parking.fire(at(100))
    assert fired == [at(100)]


def test_a_timer_fires_once() -> None:
    parking, fired = Parking(), []
    parking.at(5, fired.append)
    parking.fire(at(10))
    parking.fire(at(20))
    assert len(fired) == 1
    assert parking.next_deadline() is None


def test_timers_fire_in_the_order_of_their_deadlines_and_equal_ones_as_they_were_set() -> None:
    parking, fired = Parking(), []
    for name, at_ms in (("late", 30), ("first", 10), ("second", 10), ("third", 10)):
        parking.at(at_ms, lambda _, name=name: fired.append(name))
    parking.fire(at(30))
    assert fired == ["first", "second", "third", "late"]


def test_a_cancelled_timer_never_fires_and_is_no_deadline() -> None:
    parking, fired = Parking(), []
    early = parking.at(10, fired.append)
    parking.at(20, fired.append)
    early.cancel()
    assert parking.next_deadline() == 20
    parking.fire(at(15))
    assert fired == []


def test_a_timer_set_by_a_timer_for_a_time_already_due_fires_in_the_same_tick() -> None:
    parking, fired = Parking(), []
    parking.at(10, lambda now: parking.at(now.mono_ms, fired.append))
    parking.fire(at(10))
    assert fired == [at(10)]


def test_a_timer_cancelled_by_an_earlier_one_of_the_same_tick_does_not_fire() -> None:
    parking, fired = Parking(), []
    parking.at(10, lambda _: victim.cancel())
    victim = parking.at(10, fired.append)
    parking.fire(at(10))
    assert fired == []


def test_cancelled_timers_do_not_pile_up() -> None:
    parking = Parking()
    live = parking.at(10_000_000, lambda _: None)
    for count in range(20_000):
        parking.at(1_000_000 + count, lambda _: None).cancel()
    assert len(parking._heap) <= 1025
    assert parking.next_deadline() == live.at_ms


def test_a_sweep_in_the_middle_of_a_tick_loses_no_timer() -> None:
    parking, fired = Parking(), []

    def flood(_: Now) -> None:
        for _ in range(3_000):
            parking.at(500, lambda _: None).cancel()

    parking.at(1, flood)
    parking.at(2, fired.append)
    parking.fire(at(2))
    assert fired == [at(2)]
