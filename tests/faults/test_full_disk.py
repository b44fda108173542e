"""A disk that fills up: politely refused below the reserve, a stop when another program takes the last byte, a way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuraxis.wire.errors import ErrorCode
from tests.broker.harness import PRODUCE_VERSION, batch_of, produce_request
from tests.broker.sockets import RawPeer, eventually
from tests.faults.harness import PATIENCE_S, FaultyBroker, Ledger
from tests.faults.private_disk import PrivateDisk

MB = 1 << 20
DISK_MB = 176
"""The reserve of 64, a preallocated journal of 32, two rounds of records, and what ext4 takes for itself."""


@pytest.fixture
def kind() -> str:
    return "tmpfs"  # what the broker does by itself asks nothing of the kind


@pytest.fixture
def disk(kind: str, tmp_path: Path) -> Iterator[PrivateDisk]:
    with PrivateDisk(tmp_path / "data", kind, DISK_MB) as found:
        yield found


def answer_to_produce(broker: FaultyBroker) -> int:
    with RawPeer(broker.port) as peer:
        answer = peer.request(produce_request("drives", batch_of(b"one more"), 0), PRODUCE_VERSION)
        code: int = answer.responses[0].partition_responses[0].error_code
        return code


def is_refused(broker: FaultyBroker) -> bool:
    return answer_to_produce(broker) == ErrorCode.KAFKA_STORAGE_ERROR


def test_below_the_reserve_only_writes_are_refused_and_they_go_on_by_themselves(
    broker: FaultyBroker, disk: PrivateDisk
) -> None:
    ledger = Ledger(broker)
    ledger.send(100)
    ballast = disk.fill(leave_bytes=40 * MB)
    eventually(lambda: is_refused(broker), "a write was refused", PATIENCE_S)
    ledger.check()  # who reads is served
    waiting = ledger.producer()
    ledger.produce(waiting, 50)  # a client that has patience
    assert is_refused(broker)
    ballast.unlink()
    assert waiting.flush(PATIENCE_S) == 0
    assert ledger.failed == []
    ledger.check()
    assert "free" in broker.said
    broker.terminate()
    broker.start()
    ledger.check()


def test_deleting_a_topic_makes_room_when_the_log_itself_has_filled_the_disk(
    broker: FaultyBroker, disk: PrivateDisk
) -> None:
    ledger = Ledger(broker)
    ledger.send(10)
    bulk = Ledger(broker, "bulk", file_delete_delay_ms="0")
    producer = bulk.producer(patience_ms=1_000)
    bulk.produce(producer, 150, size=900_000)  # more than there is room for
    producer.flush(PATIENCE_S)
    assert bulk.failed
    assert bulk.acknowledged
    assert disk.free_bytes > 32 * MB
    assert is_refused(broker)
    bulk.delete_topic()
    eventually(lambda: answer_to_produce(broker) == 0, "there was room again", PATIENCE_S)
    ledger.send(10)
    ledger.check()
    assert broker.running


@pytest.mark.parametrize("kind", ["ext4"])  # which promises space before it has it
def test_when_another_program_takes_the_last_byte_the_broker_stops_and_keeps_what_it_acknowledged(
    broker: FaultyBroker, disk: PrivateDisk
) -> None:
    ledger = Ledger(broker)
    ledger.send(200)
    producer = ledger.producer(patience_ms=1_000)
    ledger.produce(producer)
    producer.flush(PATIENCE_S)
    broker.pause()  # so that it has no time to see the disk fill
    ballast = disk.fill(leave_bytes=0)
    ledger.produce(producer, 2, size=50_000)  # more than a block has left, and read in one go
    producer.poll(0.5)
    broker.resume()
    assert broker.ended() == 1
    said = broker.said
    assert "No space left" in said
    assert "Traceback" not in said
    assert "Free some space" in said
    producer.flush(PATIENCE_S)
    ballast.unlink()
    broker.start()
    ledger.check()
    ledger.send(10)


def test_after_a_kill_a_start_without_a_free_byte_serves_readers_and_goes_on_when_there_is_room(
    broker: FaultyBroker, disk: PrivateDisk
) -> None:
    ledger = Ledger(broker)
    ledger.send(200)
    broker.kill()
    ballast = disk.fill(leave_bytes=0)
    broker.start()
    assert is_refused(broker)
    ledger.check()
    ballast.unlink()
    eventually(lambda: answer_to_produce(broker) == 0, "there was room again", PATIENCE_S)
    ledger.send(10)
    ledger.check()


def test_a_start_below_the_reserve_serves_readers_and_lets_a_topic_be_deleted(
    broker: FaultyBroker, disk: PrivateDisk
) -> None:
    ledger = Ledger(broker)
    ledger.send(200)
    bulk = Ledger(broker, "bulk", file_delete_delay_ms="0")
    bulk.send(60, size=900_000)
    broker.terminate()
    ballast = disk.fill(leave_bytes=6 * MB)  # the journal's usual file does not fit
    broker.start()
    assert is_refused(broker)
    ledger.check()
    bulk.delete_topic()
    ballast.unlink()
    eventually(lambda: answer_to_produce(broker) == 0, "there was room again", PATIENCE_S)
    ledger.send(10)
    ledger.check()
