"""Faults as hooks."""

from __future__ import annotations

import random
from pathlib import Path

from neuraxis.testing.verify import Fault, OwnBroker, Proxy, kill, pause, reset
from neuraxis.testing.verify.faults import nothing


def test_each_fault_strikes_and_heals_with_what_it_was_given(tmp_path: Path) -> None:
    broker, proxy = OwnBroker(tmp_path), Proxy()
    assert (kill(broker).strike, kill(broker).heal) == (broker.kill, broker.start)
    assert (pause(broker).strike, pause(broker, 3).at_most_s) == (broker.pause, 3)
    assert reset(proxy, random.Random(1)).strike() == 0
    assert reset(proxy, random.Random(1)).heal is nothing
    nothing()


def test_a_fault_of_ones_own_is_a_name_and_a_callable() -> None:
    struck: list[str] = []
    Fault("disk full", lambda: struck.append("disk")).strike()
    assert struck == ["disk"]
