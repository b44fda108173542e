"""Alarms ring once, in order, when they are due."""

from __future__ import annotations

from neuraxis.broker.log.journal import Journal
from neuraxis.broker.log.ledger import Ledger
from neuraxis.broker.log.settings import StoreOptions
from neuraxis.broker.work import Now
from tests.simulation.disk import SimFs


def test_alarms_ring_in_order_and_may_set_new_ones() -> None:
    fs = SimFs()
    ledger = Ledger(fs, StoreOptions(), Journal(fs, 1_000))
    rung: list[tuple[str, int]] = []

    def again(now: Now) -> None:
        rung.append(("again", now.mono_ms))
        ledger.alarm(now.mono_ms + 10, again)

    ledger.alarm(20, lambda now: rung.append(("late", now.mono_ms)))
    ledger.alarm(10, again)
    ledger.alarm(10, lambda now: rung.append(("second", now.mono_ms)))
    assert ledger.next_alarm() == 10
    ledger.ring(Now(9, 0))
    assert rung == []
    ledger.ring(Now(12, 0))
    assert rung == [("again", 12), ("second", 12)]
    assert ledger.next_alarm() == 20
    ledger.ring(Now(30, 0))
    assert rung[2:] == [("late", 30), ("again", 30)]
