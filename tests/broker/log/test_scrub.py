"""The scrub: every flipped bit of a closed segment is named and refused, and nothing else is."""

from __future__ import annotations

import logging
from dataclasses import replace
from random import Random

import pytest

from neuraxis.broker.log import damage, scrub
from neuraxis.broker.log.log import Log
from neuraxis.broker.log.scan import headers
from neuraxis.broker.log.segment import Segment
from neuraxis.broker.log.settings import StoreOptions
from neuraxis.wire.batch import BatchHeader, read_header
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.log.compacted import CompactedWorld
from tests.broker.log.harness import OPTIONS, OS, SYNC, World
from tests.broker.log.test_cleaner import fill, started

HOUR_MS = 3_600_000
SCRUBBED = replace(OPTIONS, scrub_bytes_per_second=1 << 20, scrub_interval_ms=HOUR_MS)


def filled(batches: int = 60, options: StoreOptions = SCRUBBED) -> World:
    world = World(options=options)
    world.start()
    log = world.create("a", SYNC)
    for _ in range(batches):
        world.append(log)
    world.settle()
    world.checkpoint()
    return world


def pass_round(world: World) -> None:
    """Let an interval pass, and the round that begins then."""
    for ms in (HOUR_MS, *[1_000] * 20):
        world.tick(ms)
        world.settle()


def served(log: Log) -> tuple[dict[int, bytes], set[int]]:
    """What a client that asks for each offset gets: batches by base offset, and the offsets that were refused."""
    batches: dict[int, bytes] = {}
    refused: set[int] = set()
    codes: set[int] = set()
    for offset in range(log.log_start_offset, log.log_end_offset):
        log.hints.clear()
        try:
            found = log.read(offset, 150, log.log_end_offset)
        except Refused as error:
            refused.add(offset)
            codes.add(error.code)
            continue
        assert found is not None
        data = memoryview(found.read())
        found.release()
        while data:
            header = read_header(data)
            batches[header.base_offset] = bytes(data[: header.size])
            data = data[header.size :]
    assert codes <= {ErrorCode.KAFKA_STORAGE_ERROR}
    return batches, refused


def check(world: World, path: str, hit: int) -> None:
    """All of the log is served as it was written, but for the batch at byte `hit` of the segment, which is refused."""
    log = world.log("a")
    (segment,) = [each for each in log.segments if each.file.path == path]
    history = world.histories[log.topic_id, 0]
    position, bad, starts_at = 0, -1, 0
    for number, data in enumerate(history.batches):
        if read_header(data).base_offset < segment.base_offset:
            continue
        if position <= hit < position + len(data):
            bad, starts_at = number, position
        position += len(data)
    assert bad >= 0
    batches, refused = served(log)
    first, end = read_header(history.batches[bad]).base_offset, history.ends[bad]
    expected = {read_header(data).base_offset: bytes(data) for data in history.batches}
    if starts_at <= hit - 8 < starts_at + 4:  # its length: only the index tells where good batches go on
        assert set(range(first, end)) <= refused <= set(range(first, end + 8)), (path, hit)
    else:
        assert refused == set(range(first, end)), (path, hit)
    assert batches == {base: data for base, data in expected.items() if base not in refused}


def rotten(seed: int) -> tuple[World, str, int]:
    """A world with one flipped bit that a checksum can see, in a closed segment."""
    rng = Random(seed)
    world = filled()
    log = world.log("a")
    segment = rng.choice(log.segments[:-1])
    while True:
        hit = rng.randrange(segment.size)
        start = next(p for p, h in positions(log, segment) if p <= hit < p + h.size)
        if not start + 12 <= hit < start + 16:  # the leader epoch is under no checksum
            world.fs.flip(segment.file.path, hit, rng.randrange(8))
            return world, segment.file.path, hit


def positions(log: Log, segment: Segment) -> list[tuple[int, BatchHeader]]:
    return list(headers(log.fs, segment.file, 0, segment.size))


@pytest.mark.parametrize("seed", range(60))
def test_one_flipped_bit_is_named_and_refused_and_all_else_is_served(seed: int) -> None:
    world, path, hit = rotten(seed)
    pass_round(world)
    assert sum(map(len, world.store.scrubber.damaged.values())) == 1
    check(world, path, hit)


@pytest.mark.parametrize("bit", range(3))
def test_behind_damage_an_offset_that_no_neighbour_confirms_is_not_believed(bit: int) -> None:
    """No checksum covers it: believed, it would move the damage onto batches that are as they were written."""
    world = filled()
    log = world.log("a")
    segment = log.segments[1]
    (_, _), (second, _), (third, last) = positions(log, segment)[:3]
    world.fs.flip(segment.file.path, second - 1)  # the first batch's content
    world.fs.flip(segment.file.path, second + 7, bit)  # the second one's offset
    pass_round(world)
    (found,) = world.store.ledger.damaged[log]
    assert (found.position, found.end_position) == (0, third)
    assert (found.first_offset, found.end_offset) == (segment.base_offset, last.base_offset)
    _, refused = served(log)
    assert refused == set(range(segment.base_offset, last.base_offset))


@pytest.mark.parametrize("seed", range(5))
def test_the_index_that_leads_past_damage_is_not_waited_for(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, path, hit = rotten(seed)
    for segment in world.log("a").segments[:-1]:
        segment.drop_indexes()
    monkeypatch.setattr(type(world.fs), "read_now", lambda *_: None)
    pass_round(world)
    monkeypatch.undo()
    check(world, path, hit)


@pytest.mark.parametrize("seed", range(20))
def test_what_was_found_is_refused_after_a_restart_and_served_once_it_is_put_right(seed: int) -> None:
    world, path, hit = rotten(seed)
    pass_round(world)
    world.fs.kill()
    world.start()
    world.configure_all()
    check(world, path, hit)
    world.store.close(world.now)
    whole = b"".join(world.histories[world.log("a").topic_id, 0].batches)
    damaged = world.fs.content(path)
    for bit in range(8):  # put back the bit that was flipped
        damaged[hit] ^= 1 << bit
        if bytes(damaged) in whole:
            break
        damaged[hit] ^= 1 << bit
    else:
        pytest.fail("the flipped bit was not found")
    world.start()
    world.configure_all()
    for _ in range(5):
        world.tick(1_000)
        world.settle()
    assert not world.store.scrubber.damaged
    assert not served(world.log("a"))[1]


def test_an_idle_broker_has_one_alarm_and_a_sound_one_no_findings() -> None:
    world = filled()
    segments = len(world.log("a").segments) - 1
    pass_round(world)
    scrubber = world.store.scrubber
    assert (scrubber.segments, scrubber.rounds) == (segments, 1)
    assert not scrubber.damaged
    operations = world.fs.operations
    for _ in range(10):
        world.tick(60_000)
        world.settle()
    assert world.fs.operations == operations, "nothing is due, so nothing is read"
    pass_round(world)
    assert (scrubber.segments, scrubber.rounds) == (2 * segments, 2)


def test_restarts_do_not_put_a_round_off() -> None:
    world = filled()
    for _ in range(3):
        world.tick(HOUR_MS // 3)
        world.settle()
        world.store.close(world.now)
        world.start()
        world.configure_all()
    for _ in range(20):
        world.tick(1_000)
        world.settle()
    assert world.store.scrubber.rounds == 1


def test_it_reads_no_faster_than_it_may() -> None:
    world = filled(options=replace(SCRUBBED, scrub_bytes_per_second=1_000))
    world.tick(HOUR_MS)
    world.settle()
    sizes = [segment.size for segment in world.log("a").segments]
    assert world.store.scrubber.segments == 1
    world.tick(sizes[0] - 100)
    world.settle()
    assert world.store.scrubber.segments == 1
    world.tick(100)
    world.settle()
    assert world.store.scrubber.segments == 2


def test_a_rate_of_zero_reads_nothing() -> None:
    world = filled(options=OPTIONS)
    pass_round(world)
    assert world.store.scrubber.segments == 0


def test_the_log_line_names_file_bytes_and_offsets(caplog: pytest.LogCaptureFixture) -> None:
    world = filled()
    segment = world.log("a").segments[1]
    world.fs.flip(segment.file.path, 80)
    with caplog.at_level(logging.ERROR):
        pass_round(world)
    size = read_header(world.fs.read(segment.file, 0, 61)).size
    assert f"{segment.file.path} is damaged: bytes 0 to {size}, offsets {segment.base_offset}" in caplog.text
    assert "KAFKA_STORAGE_ERROR" in caplog.text


def test_a_destroyed_stretch_is_refused_up_to_the_next_batch_that_the_index_names() -> None:
    world = filled()
    segment = world.log("a").segments[1]
    content = world.fs.content(segment.file.path)
    content[:300] = bytes(300)
    pass_round(world)
    ((found,),) = world.store.scrubber.damaged.values()
    assert found.first_offset == segment.base_offset
    assert found.end_position > 300
    assert found.end_position < segment.size, "the index knows where good batches begin"
    batches, refused = served(world.log("a"))
    assert refused == set(range(found.first_offset, found.end_offset))
    history = world.histories[world.log("a").topic_id, 0]
    expected = {read_header(data).base_offset: bytes(data) for data in history.batches}
    assert batches == {base: data for base, data in expected.items() if base not in refused}


def test_a_segment_that_cannot_be_read_is_damage_and_stops_nobody() -> None:
    world = filled()
    path = world.log("a").segments[1].file.path
    world.tick(HOUR_MS)
    world.fs.fault = lambda operation, at, _: (
        OSError(5, "input/output error") if (operation, at) == ("read", path) else None
    )
    pass_round(world)
    world.fs.fault = None
    ((found,),) = world.store.scrubber.damaged.values()
    assert "input/output error" in found.reason
    assert world.store.scrubber.rounds >= 1


def test_a_compacted_log_with_gaps_is_sound_and_its_damage_ends_its_compaction() -> None:
    world = started()
    world.store.options = replace(world.store.options, scrub_interval_ms=HOUR_MS)
    fill(world, 30)
    world.pass_time()
    assert world.store.cleaner.passes == 1
    scrubber = world.store.scrubber
    for segment in world.it.segments[:-1]:
        scrubber.hurry(world.it, segment.base_offset, world.now)
    settle(world)
    assert scrubber.segments >= 1
    assert not scrubber.damaged
    fill(world, 30)
    world.settle()
    rotten = next(segment for segment in world.it.segments if segment.size > 80)
    world.fs.flip(rotten.file.path, 80)
    world.pass_time()
    settle(world)
    assert world.it in scrubber.damaged, "the pass that met the damage had it looked at"
    assert world.it in world.store.cleaner.uncleanable
    with pytest.raises(Refused):
        world.it.read(rotten.base_offset, 100, world.it.log_end_offset)


def settle(world: CompactedWorld) -> None:
    for _ in range(10):
        world.tick(1_000)
        world.settle()


def test_a_deleted_topic_is_forgotten() -> None:
    world, _, _ = rotten(1)
    world.tick(HOUR_MS)
    world.take()
    world.delete(world.log("a"))
    for _ in range(10):
        world.settle()
        world.tick(1_000)
    assert not world.store.scrubber.damaged


def test_a_round_that_a_restart_cut_short_goes_on() -> None:
    world = filled(options=replace(SCRUBBED, scrub_bytes_per_second=1_000))
    other = world.create("b", OS)
    for _ in range(60):
        world.append(other)
    world.settle()
    world.checkpoint()
    world.tick(HOUR_MS)
    for _ in range(400):
        world.settle()
        world.tick(1_000)
        if world.store.scrubber._log is world.log("b"):
            break
    world.settle()
    world.tick(61_000)
    world.settle()
    world.store.close(world.now)
    world.start()
    assert world.store.scrubber._round, "the round is not begun anew after an interval"


PLANTED = {
    "damage is served": (damage, "refuse", lambda log, offset: None),
    "a range runs into damage": (damage, "clip", lambda log, segment, position, end: end),
    "a search runs through damage": (damage, "beyond", lambda log, segment, offset, position: position),
    "no checksum is looked at": (
        scrub.Slice, "_prove", lambda self, fs, end: setattr(self, "position", self.limit) or "",
    ),
    "what was found is not kept": (scrub.Scrubber, "_mark", lambda self, log, damages: None),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_bug_put_in_on_purpose_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, attribute, value = PLANTED[name]
    monkeypatch.setattr(target, attribute, value)
    for seed in range(60):
        world, path, hit = rotten(seed)
        pass_round(world)
        try:
            check(world, path, hit)
        except (AssertionError, StopIteration, ValueError, IndexError):
            return
    pytest.fail("60 worlds did not find it")
