"""A log in ordinary life: appending, reading, finding by time, its start, its epochs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neuraxis.broker.log.failures import OffsetOutOfRange, StorageFailed
from neuraxis.broker.log.log import Log
from neuraxis.broker.log.settings import LogSettings
from neuraxis.broker.work import Now
from neuraxis.wire.batch import read_header, set_offset
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.records import Record, build_batch
from tests.broker.log.harness import OS, SYNC, WALL, World, check_reads


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


def test_a_sync_log_shows_its_end_only_after_the_sync() -> None:
    world, log = a_log(SYNC)
    ticket = world.append(log)
    assert (log.durable_offset, log.ticket) == (0, ticket)
    world.take()
    world.append(log)
    while world.works:
        world.step()
    assert (log.durable_offset, world.store.durable_ticket) == (2, ticket)
    assert log.ticket == world.store.last_ticket > ticket
    world.settle()
    assert (log.durable_offset, log.ticket) == (4, 0)


def test_an_os_log_shows_its_end_at_once_and_waits_for_nothing() -> None:
    world, log = a_log()
    assert world.append(log) == 0
    assert (log.durable_offset, log.ticket) == (2, 0)


def test_a_failed_append_stops_the_broker_and_changes_nothing_in_memory() -> None:
    world, log = a_log()
    world.append(log)
    world.fs.fault = lambda operation, path, number: OSError(28, "full") if operation == "write" else None
    before = (log.log_end_offset, log.size, log.active.size, len(log.producers.by_id[9].batches))
    with pytest.raises(
        StorageFailed, match=r"storage failed while writing .*full.*recovers from its journal"
    ):
        world.append(log)
    assert (log.log_end_offset, log.size, log.active.size, len(log.producers.by_id[9].batches)) == before


def test_segments_roll_by_size_by_record_time_by_age_and_by_index() -> None:
    world, log = a_log(replace(OS, segment_bytes=500, segment_ms=1_000))
    append_at(log, WALL)
    append_at(log, WALL + 1_001)
    assert len(log.segments) == 2
    world.tick(1_000)
    assert [segment.size > 0 for segment in log.segments] == [True, True, False]
    world.tick(5_000)
    assert len(log.segments) == 3
    world.append(log)
    log.configure(replace(log.settings, segment_ms=100))
    world.tick(300_000)
    assert log.active.size == 0
    for _ in range(10):
        append_at(log, WALL + 2_000)
    assert all(segment.size <= 500 for segment in log.segments)
    indexed, log = a_log(replace(OS, segment_bytes=1 << 20, index_interval_bytes=1, segment_index_bytes=100))
    for _ in range(40):
        indexed.append(log)
    assert len(log.segments) > 3
    assert all(len(segment.index(1).data) <= 100 for segment in log.segments)
    check_reads(log)


def test_deleted_records_are_gone_at_once_and_their_files_after_a_checkpoint() -> None:
    world, log = a_log()
    for _ in range(40):
        world.append(log, size=200)
    files, size = len(world.fs.list("a-0")), log.size
    world.advance_start(log, 33)
    assert (log.log_start_offset, log.bases[0] <= 33 < log.bases[1]) == (33, True)
    assert log.size < size
    with pytest.raises(OffsetOutOfRange):
        log.read(32, 1, 80)
    found = log.read(33, 1, 80)
    assert found is not None
    assert read_header(found.read()).base_offset == 32
    found.release()
    assert len(world.fs.list("a-0")) == files
    world.checkpoint()
    world.tick(1_000)
    world.settle()
    assert [name for name in world.fs.list("a-0") if name.endswith(".log")] == [
        f"{base:020d}.log" for base in log.bases
    ]
    world.fs.kill()
    world.start()
    assert world.log("a").log_start_offset == 33
    world.advance_start(world.log("a"), 80)
    world.checkpoint()
    world.fs.kill()
    world.start()
    again = world.log("a")
    assert (again.log_start_offset, again.log_end_offset) == (80, 80)
    assert again.read(80, 1, 80) is None


def test_leader_epochs_rise_where_they_are_told_and_survive() -> None:
    world, log = a_log()
    world.append(log)
    log.raise_epoch(3)
    log.raise_epoch(2)
    assert (log.leader_epoch, log.end_offset_for_epoch(0)) == (3, (0, 2))
    world.append(log)
    assert log.end_offset_for_epoch(3) == (3, 4)
    assert log.end_offset_for_epoch(4) == (-1, -1)
    world.store.close(world.now)
    world.start()
    log = world.log("a")
    assert (log.leader_epoch, log.end_offset_for_epoch(1)) == (3, (0, 2))
    assert log.epochs.epoch_at(2) == 3
