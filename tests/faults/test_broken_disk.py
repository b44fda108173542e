"""A disk that fails under a running broker, and one that is read-only at the start: a stop, a reason, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import PATIENCE_S, FaultyBroker, Ledger
from tests.faults.private_disk import PrivateDisk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[PrivateDisk]:
    with PrivateDisk(tmp_path / "data", "ext4", 192) as found:
        yield found


def test_a_disk_that_takes_no_write_any_more_stops_the_broker_and_what_it_acknowledged_is_there_afterwards(
    broker: FaultyBroker, disk: PrivateDisk
) -> None:
    ledger = Ledger(broker, partitions=4)
    ledger.send(500)
    producer = ledger.producer(patience_ms=1_000)
    ledger.produce(producer, 500)
    disk.break_down()  # like a power cut: what was not synced is lost
    ledger.produce(producer, 500)
    assert broker.ended() == 1
    producer.flush(PATIENCE_S)
    assert ledger.failed
    said = broker.said
    assert "storage failed" in said
    assert str(disk.mount_point) in said
    assert "dmesg" in said
    assert "Traceback" not in said
    disk.unmount()
    disk.mount()
    broker.start()
    ledger.check()
    ledger.send(10)


def test_a_broken_disk_refuses_a_start_too(broker: FaultyBroker, disk: PrivateDisk) -> None:
    Ledger(broker).send(10)
    broker.kill()
    disk.break_down()
    said = broker.refusal()
    assert "Input/output error" in said
    assert str(disk.mount_point) in said


def test_a_start_on_a_read_only_disk_is_refused_with_the_directory_and_what_to_do(
    broker: FaultyBroker, disk: PrivateDisk
) -> None:
    ledger = Ledger(broker)
    ledger.send(100)
    broker.kill()
    disk.read_only()
    said = broker.refusal()
    assert str(disk.mount_point) in said
    assert "read-only" in said
    assert "mount" in said
    disk.unmount()
    disk.mount()
    broker.start()
    ledger.check()
