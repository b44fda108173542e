"""What the surroundings do is said once when it begins and once when it ends."""

from __future__ import annotations

import logging

import pytest

from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.watch import Watch
from neuraxis.broker.work import Now
from tests.broker.harness import CoreHarness

HOUR_MS = 3_600_000


class ShrinkingFs(MemoryFs):
    """A disk whose free space another program changes, and that may not say."""

    free_bytes = 1 << 30
    broken = False

    def space(self) -> int:
        if self.broken:
            raise OSError(5, "Input/output error")
        return self.free_bytes


@pytest.fixture
def fs() -> ShrinkingFs:
    return ShrinkingFs()


def test_a_disk_that_another_program_fills_is_noticed_said_once_and_taken_back(
    fs: ShrinkingFs, caplog: pytest.LogCaptureFixture
) -> None:
    broker, watch = CoreHarness(fs=fs), Watch()
    watch.look(broker.store, broker.now)
    assert caplog.messages == []
    fs.free_bytes = broker.store.options.reserve_bytes - 1
    for _ in range(3):
        watch.look(broker.store, broker.now)
    assert broker.store.full
    (said,) = caplog.messages
    assert "64 MiB" in said
    assert "Delete topics" in said
    caplog.clear()
    fs.free_bytes += 1
    with caplog.at_level(logging.WARNING):
        watch.look(broker.store, broker.now)
    assert not broker.store.full
    assert "free again" in caplog.text


def test_a_clock_that_jumps_and_one_that_comes_back_are_said(caplog: pytest.LogCaptureFixture) -> None:
    broker, watch = CoreHarness(), Watch()
    mono_ms, wall_ms = broker.now
    watch.look(broker.store, broker.now)
    for _ in range(3):
        watch.look(broker.store, Now(mono_ms, wall_ms + HOUR_MS))
    (said,) = caplog.messages
    assert "jumped" in said
    assert "restart" in said
    caplog.clear()
    watch.look(broker.store, broker.now)
    assert "is back" in caplog.text


def test_a_disk_that_does_not_say_its_free_space_leaves_the_verdict_to_the_next_write(
    fs: ShrinkingFs, caplog: pytest.LogCaptureFixture
) -> None:
    broker, watch = CoreHarness(fs=fs), Watch()
    fs.broken = True
    watch.look(broker.store, broker.now)
    assert not broker.store.full
    assert "Input/output error" in caplog.text
