"""Reading a log: by offset, in one go across segments, by time, whatever became of the indexes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.broker.log.failures import OffsetOutOfRange
from neuraxis.broker.log.log import Log
from neuraxis.broker.log.scan import headers
from neuraxis.broker.log.settings import LogSettings
from neuraxis.broker.work import Now
from neuraxis.wire.batch import read_header, scan_headers, set_offset
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.records import Record, build_batch
from tests.broker.log.harness import OS, SYNC, WALL, World
from tests.simulation.disk import SimFs


def a_log(settings: LogSettings = OS) -> tuple[World, Log]:
    world = World()
    world.start()
    return world, world.create("a", settings)


def append_at(log: Log, *timestamps: int, codec: CompressionType = CompressionType.NONE) -> None:
    """Append one batch whose records have these timestamps."""
    records = [Record(i, timestamp, None, b"v") for i, timestamp in enumerate(timestamps)]
    view = memoryview(bytearray(build_batch(records, compression=codec)))
    set_offset(view, log.log_end_offset, log.leader_epoch)
    log.append(view, read_header(view), Now(0, WALL))


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 400), min_size=1, max_size=60),
    max_bytes=st.integers(1, 5_000),
    minimum=st.booleans(),
    limit=st.integers(0, 60),
)
def test_a_read_returns_whole_batches_from_the_one_that_holds_the_offset(
    sizes: list[int], max_bytes: int, minimum: bool, limit: int
) -> None:
    world, log = a_log()
    for size in sizes:
        world.append(log, size)
    history = world.histories[log.topic_id, 0]
    limit_offset = 2 * min(limit, len(sizes))
    for offset in range(log.log_end_offset):
        found = log.read(offset, max_bytes, limit_offset, minimum)
        first = history.batches[offset // 2]
        if offset >= limit_offset or (len(first) > max_bytes and not minimum):
            assert found is None
            continue
        assert found is not None
        data = found.read()
        found.release()
        assert len(data) == found.length
        assert found.length <= max(max_bytes, len(first))
        headers = [header for _, header in scan_headers(memoryview(data))]
        assert sum(header.size for header in headers) == len(data)
        assert headers[0].base_offset == offset // 2 * 2
        assert headers[-1].last_offset < limit_offset
    assert found is None or found.file.pins <= 1 + world.fs.open(found.file.path).pins


def test_reading_on_reaches_every_batch_once_across_segments() -> None:
    world, log = a_log()
    for number in range(80):
        world.append(log, size=number * 7 % 300)
    assert len(log.segments) > 5
    for max_bytes in (1, 700, 100_000):
        offset, seen = 0, 0
        while (found := log.read(offset, max_bytes, log.log_end_offset)) is not None:
            for _, header in scan_headers(memoryview(found.read())):
                assert header.base_offset == offset
                offset, seen = header.next_offset, seen + 1
            found.release()
        assert seen == 80


def test_offsets_outside_the_log_are_refused() -> None:
    world, log = a_log()
    world.append(log)
    assert log.read(2, 100, 2) is None
    assert log.read(1, 100, 0) is None
    for offset in (-1, 3):
        with pytest.raises(OffsetOutOfRange, match=rf"offset {offset} is outside \[0, 2\]"):
            log.read(offset, 100, 2)


@pytest.mark.parametrize("codec", list(CompressionType))
def test_the_first_record_at_or_after_a_time_is_found(codec: CompressionType) -> None:
    _, log = a_log(replace(OS, segment_bytes=400))
    times = [(5, 9), (7, 30), (10, 20), (50, 40), (45, 45), (60, 61)]
    for pair in times:
        append_at(log, *pair, codec=codec)
    flat = [timestamp for pair in times for timestamp in pair]
    for wanted in range(63):
        expected = next(((t, offset, 0) for offset, t in enumerate(flat) if t >= wanted), None)
        assert log.offset_for_timestamp(wanted) == expected
    assert log.max_timestamp == 61
    assert log.max_timestamp_offset() == (61, 11, 0)
    log.advance_start(4, Now(0, WALL))
    assert log.offset_for_timestamp(1) == (10, 4, 0)


def test_an_empty_log_has_no_times() -> None:
    _, log = a_log()
    assert log.offset_for_timestamp(0) is None
    assert log.max_timestamp_offset() is None
    assert log.max_timestamp == -1
    assert list(log.batches_from(0)) == []


def test_a_range_can_be_read_after_its_segment_was_deleted() -> None:
    world, log = a_log()
    for _ in range(20):
        world.append(log, size=200)
    found = log.read(0, 10_000, 40)
    assert found is not None
    before = found.read()
    world.advance_start(log, 30)
    world.checkpoint()
    world.tick(1)
    world.settle()
    assert found.file.path not in [f"a-0/{name}" for name in world.fs.list("a-0")]
    assert found.read() == before
    found.release()


def test_a_damaged_header_leads_no_reader_past_an_offset() -> None:
    world = World()
    world.start()
    log = world.create("a", SYNC)
    for _ in range(60):
        world.append(log, records=2)
    world.settle()
    world.checkpoint()
    segment = log.segments[0]
    found = list(headers(log.fs, segment.file, 0, segment.size))
    position, header = found[len(found) // 2]
    assert isinstance(log.fs, SimFs)
    # Its base offset, which is higher then; and its length, which leads to no header: what comes next is not found.
    for byte, asked in ((7, header.last_offset), (11, header.next_offset)):
        log.fs.flip(segment.file.path, position + byte, 5)
        log.hints.clear()
        with pytest.raises(Refused, match="is damaged: no batch is found that holds offset") as refused:
            log.read(asked, 100, log.log_end_offset)
        assert refused.value.code == ErrorCode.KAFKA_STORAGE_ERROR
        log.fs.flip(segment.file.path, position + byte, 5)
