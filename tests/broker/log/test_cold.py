"""Reads that would wait: tried again from the beginning when a thread has read, with its bytes, by file and never by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from neuraxis.broker.log import cold as module
from neuraxis.broker.log.checkpoint import entry_of
from neuraxis.broker.log.cold import Attempt, Cold, WouldWait
from neuraxis.broker.log.filesystem import File
from neuraxis.broker.log.loading import UNKNOWN
from neuraxis.broker.work import Now, Read, Work, files_of, perform
from tests.broker.cold_disk import ColdFs
from tests.broker.log.compacted import COMPACT, CompactedWorld
from tests.broker.log.harness import OS, World
from tests.simulation.disk import SimFs

NOW = Now(1_000, 2_000)


class Bench:
    """A `Cold` whose works wait for the test."""

    def __init__(self) -> None:
        self.fs = ColdFs()
        self.file = self.fs.open("segment", create=True)
        self.fs.write(self.file, 0, bytes(range(200)))
        self.fs.cold = True
        self.works: list[Work] = []
        self.cold = Cold(self.fs, self.start)
        self.cold.open()

    def start(self, kind: str, steps: Any) -> None:
        self.works.append(Work(len(self.works), kind, steps))

    def read(self) -> None:
        """Do the oldest read."""
        work = self.works.pop(0)
        try:
            self.cold.done(work, perform(self.fs, work), None, NOW)
        except OSError as error:
            self.cold.done(work, None, error, NOW)


def test_what_is_in_memory_is_done_at_once() -> None:
    bench, seen = Bench(), []
    bench.fs.cold = False
    bench.cold.run(lambda now: seen.append(bytes(bench.fs.look(bench.file, 5, 2))), NOW)
    assert seen == [b"\x05\x06"]
    assert bench.works == []
    assert bench.fs.attempt is None


def test_an_action_is_tried_from_its_beginning_with_all_that_was_read_for_it() -> None:
    bench, begun, seen = Bench(), [], []

    def action(now: Now) -> None:
        begun.append(now)
        seen.append([bytes(bench.fs.look(bench.file, position, 3)) for position in (10, 100, 11)][1])

    bench.cold.run(action, NOW)
    for _ in range(3):
        assert seen == []
        bench.read()
    assert seen == [bytes([100, 101, 102])]
    assert len(begun) == 4
    assert bench.cold.parked == {"call": 0, "upkeep": 3}
    assert bench.cold.reads == 0


def test_two_that_lack_the_same_bytes_share_one_read() -> None:
    bench, seen = Bench(), []
    for name in ("first", "second"):
        bench.cold.run(lambda now, name=name: seen.append((name, bench.fs.look(bench.file, 0, 1))), NOW)
    assert len(bench.works) == 1
    bench.read()
    assert [name for name, _ in seen] == ["first", "second"]


def test_bytes_of_a_file_are_never_taken_for_those_of_another_with_its_name() -> None:
    bench = Bench()
    attempt = Attempt()
    attempt.take(Read(bench.file, 0, 50), bytes(50), None)
    assert attempt.read(bench.file, 3, 4) == bytes(4)
    bench.fs.rename("segment", "old")
    other = bench.fs.open("segment", create=True)
    with pytest.raises(WouldWait) as raised:
        attempt.read(other, 3, 4)
    assert raised.value.steps == (Read(other, 3, 4),)


def test_a_read_that_came_short_counts_for_nothing() -> None:
    bench = Bench()
    attempt = Attempt()
    attempt.take(Read(bench.file, 190, 20), bytes(10), None)
    with pytest.raises(WouldWait):
        attempt.read(bench.file, 190, 5)


def test_an_attempt_keeps_the_newest_bytes_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 100)
    bench = Bench()
    attempt = Attempt()
    for position in range(0, 160, 40):
        attempt.take(Read(bench.file, position, 40), bytes(40), None)
    assert attempt.kept_bytes == 80
    assert attempt.read(bench.file, 120, 40) == bytes(40)
    with pytest.raises(WouldWait):
        attempt.read(bench.file, 0, 40)


def test_a_failed_read_is_raised_where_its_bytes_are_wanted() -> None:
    bench, errors = Bench(), []

    def action(now: Now) -> None:
        try:
            bench.fs.look(bench.file, 0, 1)
        except OSError as error:
            errors.append(error)

    bench.cold.run(action, NOW)
    failure = bench.fs.failure = OSError(5, "Input/output error")
    bench.read()
    assert errors == [failure]


def test_what_was_tried_too_often_waits_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TRIES", 2)
    monkeypatch.setattr(module, "MOST_KEPT", 1)
    bench, seen = Bench(), []

    def action(now: Now) -> None:
        for position in range(0, 100, 10):
            seen.append(bench.fs.look(bench.file, position, 1)[0])

    bench.cold.run(action, NOW)
    while bench.works:
        bench.read()
    assert seen[-10:] == list(range(0, 100, 10))
    assert bench.fs.waited == 2 + 10


def test_closed_it_lets_everybody_wait_and_tries_nothing_again() -> None:
    bench, seen = Bench(), []
    bench.cold.run(lambda now: seen.append(bench.fs.look(bench.file, 0, 1)), NOW)
    bench.cold.close()
    bench.read()
    assert seen == []
    bench.cold.run(lambda now: seen.append(bench.fs.look(bench.file, 0, 1)), NOW)
    assert seen == [b"\0"]
    bench.cold.bring([Read(bench.file, 0, 1)])
    assert bench.works == []


def test_what_is_brought_for_later_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BROUGHT", 3)
    bench = Bench()
    bench.cold.bring([Read(bench.file, position, 1) for position in range(9)])
    assert len(bench.works) == 3
    while bench.works:
        bench.read()


def test_an_attempt_within_another_has_its_own_luck() -> None:
    bench, seen = Bench(), []

    def inner(now: Now) -> None:
        seen.append(bench.fs.look(bench.file, 0, 1))

    def outer(now: Now) -> None:
        bench.cold.run(inner, now)
        seen.append("outer")

    bench.cold.run(outer, NOW)
    assert seen == ["outer"]
    bench.read()
    assert seen == ["outer", b"\0"]


# With a log and its store


class SometimesColdFs(SimFs):
    """The simulated disk with a page cache that can be empty."""

    cold = False

    def read_now(self, file: File, position: int, length: int) -> bytes | bytearray | None:
        return None if self.cold else self.read(file, position, length)


def cold_world(fs: SometimesColdFs, **settings: Any) -> World:
    """A log "a" of several small segments after a clean stop: nothing of it is in memory."""
    world = World(fs=fs)
    world.start()
    log = world.create("a", replace(OS, **settings))
    for _ in range(30):
        world.append(log, size=200)
    world.store.close(world.now)
    world.start()
    world.configure_all()
    world.settle()
    fs.cold = True
    return world


def do_reads(world: World) -> int:
    """Do the works under way, of which the results count; how many cold reads there were."""
    count = 0
    world.take()
    while world.works:
        work, _ = world.works.pop(0)
        count += work.kind == module.READ
        assert all(file.pins for file in files_of(work.steps))
        world.store.done(work.id, perform(world.fs, work), None, world.now)
        world.take()
    return count


def test_compaction_may_swap_the_segments_between_two_tries() -> None:
    """Positions were looked for in a segment that is no more: they are looked for again in the one that took its place."""
    fs = SometimesColdFs()
    world = CompactedWorld(0, fs)
    world.begin(COMPACT)
    for number in range(40):
        world.write((b"x", b"%d" % number * 20), (b"y%d" % (number % 3), b"v" * 30))
    log = world.it
    wanted = (
        log.bases[2] - 1
    )  # the last batch of the second segment stays: it has the newest x so far... or moves
    found: list[Any] = []
    world.settle()
    for segment in log.segments[:-1]:
        segment.drop_indexes()
    log.hints.clear()
    fs.cold = True
    before = log.segments[0].file
    world.store.ledger.cold.run(
        lambda now: found.append(log.read(wanted, 1 << 20, log.durable_offset)), world.now
    )
    world.take()
    reads = [each for each in world.works if each[0].kind == module.READ]
    assert len(reads) == 1
    world.works = [each for each in world.works if each not in reads]
    world.store.next_deadline()
    world.tick(60_000)
    fs.cold = False
    world.settle()
    assert world.store.cleaner.passes == 1
    assert log.segments[0].file is not before
    assert found == []
    fs.cold = True
    world.works += reads
    do_reads(world)
    (range_found,) = found
    first = next(iter(log.batches_from(wanted)))
    assert range_found.read()[: len(first)] == bytes(first)
    range_found.release()


def test_the_first_append_after_a_start_does_not_wait_for_the_segments_indexes() -> None:
    fs = SometimesColdFs()
    world = cold_world(fs, segment_bytes=1 << 20)
    log = world.log("a")
    for _ in range(5):
        world.append(log, size=200)
    assert log.active._index is None, "they are being loaded"
    assert log.log_end_offset == 70
    assert do_reads(world) == 1
    fs.cold = False
    for segment in log.segments:
        for number in range(log.log_end_offset // 2):
            position = log.read(number * 2, 1, log.log_end_offset)
            assert position is not None
            position.release()
        assert segment.known_max_timestamp(300) == max(each.max_timestamp for each in headers_of(log))
    index = log.active.index(300)
    assert index.entry(-1)[0] > 60, "what was appended meanwhile is indexed"


def headers_of(log: Any) -> list[Any]:
    from neuraxis.broker.log.scan import headers

    return [
        header for segment in log.segments for _, header in headers(log.fs, segment.file, 0, segment.size)
    ]


def test_the_newest_time_of_a_segment_whose_indexes_are_being_loaded_is_not_that_of_its_last_batch() -> None:
    fs = SometimesColdFs()
    world = cold_world(fs, segment_bytes=1 << 20)
    log = world.log("a")
    history = world.histories[log.topic_id, 0]
    count = len(history.batches)
    newest = max(header.max_timestamp for header in headers_of(log))
    history.batches[:] = history.batches[:1]  # the next batch carries an old time again
    world.append(log, size=200)
    history.batches[:] = [b""] * count
    assert entry_of(log).max_timestamp == UNKNOWN, "a checkpoint must not say it either"
    assert log.active.known_max_timestamp(300) == newest
    assert entry_of(log).max_timestamp == newest


def test_an_append_goes_on_while_the_index_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    fs = SometimesColdFs()
    world = cold_world(fs, segment_bytes=1 << 20)
    log = world.log("a")
    newest = max(header.max_timestamp for header in headers_of(log))

    def fails(*_: Any) -> bytes:
        raise OSError(5, "Input/output error")

    world.append(log, size=200)
    monkeypatch.setattr(fs, "read", fails)
    world.take()
    for work, _ in world.works:
        world.store.done(
            work.id, None, OSError(5, "Input/output error") if work.kind == module.READ else None, NOW
        )
    world.works = []
    monkeypatch.undo()
    assert log.active._index is None
    assert entry_of(log).max_timestamp == UNKNOWN
    world.append(log, size=200)
    do_reads(world)
    assert log.active._index is not None
    assert log.active.known_max_timestamp(300) > newest
    assert log.active.index(300).entry(-1)[0] > 60


def test_retention_whose_read_fails_waits_for_its_next_time(caplog: pytest.LogCaptureFixture) -> None:
    fs = SometimesColdFs()
    world = cold_world(fs, retention_ms=3_600_000)
    log = world.log("a")
    world.now = Now(world.now.mono_ms + 3_600_000, world.now.wall_ms + 3_600_000)
    world.tick(300_000)
    world.take()
    for work, _ in world.works:
        world.store.done(
            work.id, None, OSError(5, "Input/output error") if work.kind == module.READ else None, world.now
        )
    world.works = []
    assert "Input/output error" in caplog.text
    world.tick(300_000)
    do_reads(world)
    fs.cold = False
    world.checkpoint()
    assert log.log_start_offset == 60


def test_two_that_lack_the_same_indexes_share_one_load_and_one_of_them_adopts_it() -> None:
    fs = SometimesColdFs()
    world = cold_world(fs)
    log = world.log("a")
    found: list[Any] = []

    def read(now: Any) -> None:
        found.append(log.read(0, 500, log.durable_offset))
        log.hints.clear()
        log.segments[0].drop_indexes()  # as if the cache of indexes had no room for them

    for _ in range(2):
        world.store.ledger.cold.run(read, world.now)
    world.take()
    assert len(world.works) == 1
    do_reads(world)
    assert [each.position for each in found] == [0, 0]
    for each in found:
        each.release()


def test_what_leaves_without_the_cold_has_its_indexes_brought_in_once() -> None:
    fs = SometimesColdFs()
    world = cold_world(fs)
    log, cold = world.log("a"), world.store.ledger.cold
    for _ in range(3):
        fs.attempt = Attempt()
        with pytest.raises(WouldWait) as raised:
            log.read(0, 500, log.durable_offset)
        fs.attempt = None
        cold.bring(raised.value.steps)
    world.take()
    assert len(world.works) == cold.reads == 1
    assert do_reads(world) == 1
    assert cold.reads == 0


def test_retention_by_time_does_not_wait_for_what_tells_the_time() -> None:
    fs = SometimesColdFs()
    world = cold_world(fs, retention_ms=3_600_000)
    log = world.log("a")
    world.now = Now(world.now.mono_ms + 3_600_000, world.now.wall_ms + 3_600_000)
    world.tick(300_000)
    assert log.log_start_offset == 0
    assert do_reads(world) > 3
    fs.cold = False
    world.checkpoint()
    assert log.log_start_offset == log.log_end_offset == 60


def test_a_log_deleted_while_its_retention_waits_is_left_alone() -> None:
    fs = SometimesColdFs()
    world = cold_world(fs, retention_ms=3_600_000)
    log = world.log("a")
    world.now = Now(world.now.mono_ms + 3_600_000, world.now.wall_ms + 3_600_000)
    world.tick(300_000)
    world.delete(log)
    do_reads(world)
    assert log.log_start_offset == 0


def test_compaction_is_considered_when_the_times_of_its_segments_are_known() -> None:
    fs = SometimesColdFs()
    world = CompactedWorld(0, fs)
    settings = replace(COMPACT, min_compaction_lag_ms=1_000)
    world.begin(settings)
    for number in range(40):
        world.write((b"x", b"%d" % number * 20), (b"y", b"v" * 30))
    world.store.close(world.now)
    world.again()
    world.settle()
    fs.cold = True
    for _ in range(20):
        world.tick(300_000)
        do_reads(world)
    assert world.store.cleaner.passes
    assert world.store.ledger.cold.parked["upkeep"]
