"""What one partition gives a fetch: a range, a reason, or what it lacks."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker import fetch_reading
from neuraxis.broker.fetch_reading import Wanted
from neuraxis.broker.log.cold import Attempt
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.fetch import FetchPartition
from tests.broker.cold_disk import cold_broker
from tests.broker.harness import CoreHarness


def wanted(broker: CoreHarness, offset: int) -> Wanted:
    topic = broker.node.topics["t"]
    asked = FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=1 << 20)
    return Wanted(topic, topic.partitions[0], asked, 0, "t")


def read(broker: CoreHarness, offset: int, lacking: list[Any], **options: Any) -> Any:
    values = {"committed": False, "first": True, **options}
    return fetch_reading.read_partition(wanted(broker, offset), 1 << 20, lacking, **values)


@pytest.mark.parametrize("committed", [False, True])
def test_what_is_cold_is_left_out_and_named(committed: bool) -> None:
    broker, fs, _ = cold_broker()
    lacking: list[Any] = []
    before = broker.partition("t").log.segments[1].file.pins
    fs.attempt = Attempt()
    data = read(broker, 4, lacking, committed=committed)
    assert (data.error_code, data.records, data.high_watermark) == (0, b"", 12)
    assert len(lacking) == 1
    fs.attempt = None
    found = read(broker, 4, lacking, committed=committed)
    assert found.records.length > 600_000
    assert len(lacking) == 1
    fetch_reading.release([found, data])
    assert found.records.file.pins == before


def test_a_range_that_cannot_leave_because_its_transactions_are_cold_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, fs, _ = cold_broker()
    log = broker.partition("t").log

    def look(*_: Any) -> Any:
        return fs.look(log.segments[0].file, 0, 1)

    fs.cold = False
    monkeypatch.setattr(type(log), "aborted_between", look)
    before = log.segments[1].file.pins
    fs.attempt = Attempt()
    monkeypatch.setattr(
        fs, "read_now", lambda file, *_: None if file is log.segments[0].file else bytes(70_000)
    )
    lacking: list[Any] = []
    log.hints[4] = (log.segments[1], 0)
    data = read(broker, 4, lacking, committed=True)
    assert data.records == b""
    assert len(lacking) == 1
    assert log.segments[1].file.pins == before


def test_a_disk_that_cannot_be_read_is_the_partitions_error(caplog: pytest.LogCaptureFixture) -> None:
    broker, fs, _ = cold_broker()
    fs.failure = OSError(5, "Input/output error")
    data = read(broker, 4, [])
    assert data.error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert "reading t-0 at offset 4 failed" in caplog.text
