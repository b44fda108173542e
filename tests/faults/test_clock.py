"""Clocks that are set while the broker runs: nothing is deleted for it, nobody is put out, and it is said."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import OffsetSpec

from tests.broker.sockets import eventually
from tests.faults.harness import PATIENCE_S, FaultyBroker, Ledger
from tests.faults.stepped_clock import write_steps

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class SteppedBroker(FaultyBroker):
    """A broker whose clocks the test steps."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.steps = directory / "steps"
        self.step()

    def step(self, wall_ms: int = 0, mono_ms: int = 0) -> None:
        """Let its clocks differ from the machine's by so much."""
        write_steps(self.steps, wall_ms, mono_ms)

    def command(self) -> Sequence[str]:
        """The same command line, behind the clocks."""
        _, *words = super().command()
        return [sys.executable, "-m", "tests.faults.stepped_clock", str(self.steps), *words]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SteppedBroker]:
    with SteppedBroker(tmp_path) as found:
        yield found


def start_of(ledger: Ledger) -> int:
    """The log's first offset."""
    place = TopicPartition(ledger.topic, 0)
    found = ledger.admin.list_offsets({place: OffsetSpec.earliest()})[place].result(PATIENCE_S)
    return int(found.offset)


def test_a_jump_of_the_wall_clock_deletes_nothing_by_time(broker: SteppedBroker) -> None:
    ledger = Ledger(broker, retention_ms=str(2 * HOUR_MS))
    ledger.send(50)
    broker.step(wall_ms=DAY_MS)
    ledger.send(10)  # a day later, as it were
    broker.step(wall_ms=DAY_MS, mono_ms=6 * MINUTE_MS)  # retention is looked at every five minutes
    eventually(lambda: "clock jumped" in broker.said, "the jump was said", PATIENCE_S)
    ledger.send(10)
    broker.step(wall_ms=DAY_MS + 12 * MINUTE_MS, mono_ms=12 * MINUTE_MS)
    ledger.send(10)
    assert start_of(ledger) == 0
    ledger.check()
    broker.step(wall_ms=12 * MINUTE_MS, mono_ms=12 * MINUTE_MS)
    eventually(lambda: "clock is back" in broker.said, "its end was said", PATIENCE_S)
    ledger.check()


def test_the_same_day_on_both_clocks_does_delete(broker: SteppedBroker) -> None:
    """What the test above would see if the jump were believed."""
    ledger = Ledger(broker, retention_ms=str(2 * HOUR_MS))
    ledger.send(50)
    broker.step(wall_ms=DAY_MS, mono_ms=DAY_MS)
    eventually(lambda: start_of(ledger) == 50, "what is too old was deleted", PATIENCE_S)
    assert "clock jumped" not in broker.said


@pytest.mark.parametrize("jump_ms", [-HOUR_MS, DAY_MS])
def test_a_jump_puts_no_member_out_and_times_still_find_their_offsets(
    broker: SteppedBroker, jump_ms: int
) -> None:
    ledger = Ledger(broker)
    ledger.send(50)
    lost: list[object] = []
    member = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "dashboard",
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 200,
            "log_level": 0,
        }
    )
    try:
        member.subscribe(["drives"], on_lost=lambda _, places: lost.extend(places))
        first = member.poll(PATIENCE_S)
        assert first is not None
        assert first.error() is None
        broker.step(wall_ms=jump_ms)
        ledger.send(50)
        seen = 1
        while seen < 100:
            message = member.poll(PATIENCE_S)
            assert message is not None, f"{seen} records, then nothing"
            assert message.error() is None
            seen += 1
        member.commit(asynchronous=False)
        assert lost == []
        _, time_ms = first.timestamp()
        for wanted_ms, offset in ((0, 0), (time_ms, 0), (time_ms + 7 * DAY_MS, -1)):
            (found,) = member.offsets_for_times([TopicPartition("drives", 0, wanted_ms)], PATIENCE_S)
            assert found.offset == offset
    finally:
        member.close()
    ledger.check()
