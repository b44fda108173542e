"""Transactions in a log: where committed readers stop, what they skip, and the index file that remembers it."""

from __future__ import annotations

import struct
from random import Random

import pytest

from neuraxis.broker.log.log import Log
from neuraxis.broker.log.settings import LogSettings
from neuraxis.broker.log.transactions import AbortedTransaction, parse, to_bytes
from neuraxis.broker.work import Now
from neuraxis.wire.batch import ControlType, build_control_batch, read_header, set_offset
from neuraxis.wire.records import Record, build_batch
from tests.broker.log.harness import OS, SYNC, WALL, World

COMMIT, ABORT = ControlType.COMMIT, ControlType.ABORT
NOW = Now(1_000, WALL)


def write(log: Log, producer_id: int, *, size: int = 10, epoch: int = 0, sequence: int = -1) -> int:
    """Append one transactional record; its offset."""
    data = build_batch(
        [Record(0, WALL, b"k", b"v" * size)],
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=sequence,
        transactional=True,
    )
    return _append(log, data)


def end(log: Log, producer_id: int, kind: ControlType, epoch: int = 0) -> int:
    """Append a marker; its offset."""
    return _append(log, build_control_batch(kind, producer_id, epoch, 0, WALL))


def _append(log: Log, data: bytearray) -> int:
    view = memoryview(data)
    offset = log.log_end_offset
    set_offset(view, offset, log.leader_epoch)
    log.append(view, read_header(view), NOW)
    return offset


def a_log(settings: LogSettings = OS) -> tuple[World, Log]:
    world = World()
    world.start()
    return world, world.create("a", settings)


def aborted(log: Log, offset: int = 0, max_bytes: int = 1 << 20) -> list[tuple[int, int]]:
    limit = log.last_stable_offset
    found = log.read(offset, max_bytes, limit)
    if found is None:
        return []
    entries = log.aborted_between(offset, found, limit)
    found.release()
    return entries


def test_committed_readers_stop_at_the_first_open_transaction() -> None:
    _, log = a_log()
    assert log.last_stable_offset == 0
    write(log, 1)
    write(log, 2)
    assert log.last_stable_offset == 0
    end(log, 1, COMMIT)
    assert log.last_stable_offset == 1
    write(log, 1)
    end(log, 2, ABORT)
    assert log.last_stable_offset == 3
    end(log, 1, COMMIT)
    assert log.last_stable_offset == log.log_end_offset == 6


def test_committed_readers_wait_until_the_marker_is_durable() -> None:
    world, log = a_log(SYNC)
    world.settle()
    write(log, 1)
    world.settle()
    assert (log.durable_offset, log.last_stable_offset) == (1, 0)
    end(log, 1, COMMIT)
    assert (log.durable_offset, log.last_stable_offset) == (1, 0)
    world.settle()
    assert (log.durable_offset, log.last_stable_offset) == (2, 2)


def test_a_deleted_beginning_does_not_hold_readers_below_the_start() -> None:
    world, log = a_log()
    for _ in range(4):
        write(log, 1)
    world.settle()
    log.advance_start(3, NOW)
    assert log.last_stable_offset == 3


def test_the_list_is_in_the_order_of_first_offsets_and_only_what_concerns_the_range() -> None:
    _, log = a_log()
    for producer_id in (5, 4, 3):
        write(log, producer_id)
    for producer_id in (3, 4, 5):
        end(log, producer_id, ABORT)
    write(log, 9)
    end(log, 9, COMMIT)
    write(log, 8)
    end(log, 8, ABORT)
    assert aborted(log) == [(5, 0), (4, 1), (3, 2), (8, 8)]
    assert aborted(log, 4) == [(5, 0), (4, 1), (8, 8)]
    assert aborted(log, 6) == [(8, 8)]


def test_a_transaction_whose_marker_lies_in_a_later_segment_is_in_the_list() -> None:
    _, log = a_log()
    write(log, 1, size=1_500)
    for _ in range(4):
        write(log, 2, size=1_500)
    end(log, 2, COMMIT)
    end(log, 1, ABORT)
    assert len(log.segments) > 3
    assert aborted(log, 0) == [(1, 0)]


def test_the_file_has_kafkas_form() -> None:
    world, log = a_log()
    write(log, 5)
    write(log, 6)
    end(log, 5, ABORT)
    end(log, 6, ABORT)
    world.checkpoint()
    data = bytes(world.fs.content("a-0/00000000000000000000.txnindex"))
    assert data == struct.pack(">hqqqqhqqqq", 0, 5, 0, 2, 1, 0, 6, 1, 3, 4)
    assert to_bytes(parse(data, 0, 100)) == data


def test_a_log_without_aborts_has_no_such_file() -> None:
    world, log = a_log()
    write(log, 5)
    end(log, 5, COMMIT)
    world.checkpoint()
    assert not [name for name in world.fs.list("a-0") if name.endswith(".txnindex")]


def test_entries_that_cannot_be_end_what_is_believed() -> None:
    good = AbortedTransaction(5, 10, 12, 13)
    for bad in (
        AbortedTransaction(0, 0, 0, 0),
        good,
        AbortedTransaction(5, 14, 14, 15),
        AbortedTransaction(5, 11, 50, 51),
        AbortedTransaction(-1, 13, 14, 15),
        AbortedTransaction(5, 13, 14, 16),
    ):
        assert parse(to_bytes([good, bad, AbortedTransaction(6, 14, 16, 17)]), 10, 50) == [good]
    assert parse(to_bytes([good]) + b"\0\0\0", 10, 50) == [good]


@pytest.mark.parametrize("settings", [OS, SYNC])
@pytest.mark.parametrize("seed", range(12))
def test_after_a_restart_everything_is_as_the_log_says(seed: int, settings: LogSettings) -> None:
    """Random transactions, checkpoints, kills and power cuts, held against a fold over the log itself."""
    rng = Random(seed)
    world = World(seed)
    world.start()
    world.create("a", settings)
    for _ in range(6):
        log = world.log("a")
        log.configure(settings)
        for _ in range(rng.randrange(5, 60)):
            producer_id = rng.randrange(1, 5)
            if producer_id in log.producers.ongoing and rng.random() < 0.4:
                end(log, producer_id, rng.choice([COMMIT, ABORT]))
            else:
                write(log, producer_id, size=rng.randrange(10, 300))
            if rng.random() < 0.1:
                world.checkpoint()
            if rng.random() < 0.2:
                world.take()
                for _ in range(rng.randrange(4)):
                    if world.works:
                        world.step(rng.randrange(len(world.works)))
        expected = fold(log)
        assert as_known(log) == expected
        if rng.random() < 0.5:
            world.fs.kill()
        else:
            world.fs.power_loss(rng)
        world.start()
        log = world.log("a")
        assert as_known(log) == fold(log)
        assert log.last_stable_offset == min([log.log_end_offset, *log.producers.ongoing.values()])


@pytest.mark.parametrize("damage", ["cut", "flip", "longer"])
def test_a_damaged_file_of_a_closed_segment_is_rebuilt(damage: str) -> None:
    world, log = a_log()
    for _ in range(10):
        write(log, 1, size=400)
        end(log, 1, ABORT)
    world.checkpoint()
    before = as_known(log)
    path = f"a-0/{log.segments[0].base_offset:020d}.txnindex"
    file = world.fs.open(path)
    if damage == "cut":
        world.fs.truncate(file, 40)
    elif damage == "flip":
        world.fs.flip(path, 27, 3)
    else:
        world.fs.write(file, world.fs.size(file), memoryview(b"\0" * 34))
    world.fs.kill()
    report = world.start()
    assert any("txnindex is damaged" in note for note in report.notes)
    assert as_known(world.log("a")) == before
    world.checkpoint()
    world.fs.kill()
    assert not world.start().notes
    assert as_known(world.log("a")) == before


def test_a_damaged_producer_snapshot_is_rebuilt_with_its_transactions() -> None:
    world, log = a_log()
    write(log, 1)
    write(log, 2)
    end(log, 2, ABORT)
    write(log, 3, sequence=7)
    world.checkpoint()
    before = as_known(log)
    (name,) = [name for name in world.fs.list("a-0") if name.endswith(".snapshot")]
    world.fs.flip(f"a-0/{name}", 30)
    world.fs.kill()
    assert any("snapshot is damaged" in note for note in world.start().notes)
    assert as_known(world.log("a")) == before


def as_known(log: Log) -> tuple[dict[int, int], list[AbortedTransaction]]:
    return log.producers.ongoing, [entry for segment in log.segments for entry in segment.aborted]


def fold(log: Log) -> tuple[dict[int, int], list[AbortedTransaction]]:
    """What the batches of the log say, told again in the plainest way."""
    ongoing: dict[int, int] = {}
    found = []
    for view in log.batches_from(log.log_start_offset):
        header = read_header(view)
        if not header.is_control:
            ongoing.setdefault(header.producer_id, header.base_offset)
            continue
        start = ongoing.pop(header.producer_id, None)
        kind = int.from_bytes(view[61 + 7 : 61 + 9], "big")
        if start is not None and kind == 0:
            stable = min(ongoing.values(), default=header.base_offset + 1)
            found.append(AbortedTransaction(header.producer_id, start, header.base_offset, stable))
    return ongoing, found
