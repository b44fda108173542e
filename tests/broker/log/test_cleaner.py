"""Compaction of a store's logs: what stays, what goes and when, and that no crash makes a mixture of old and new."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from neuraxis.broker.log import swap
from neuraxis.broker.log.settings import FOREVER, LogSettings
from neuraxis.wire.batch import read_header
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.records import iter_records
from tests.broker.log.compacted import COMPACT, DAY_MS, SMALL, CompactedWorld, random_act
from tests.broker.log.harness import OPTIONS
from tests.simulation.disk import SimCrash, SimFs


def started(settings: LogSettings = COMPACT, seed: int = 0) -> CompactedWorld:
    world = CompactedWorld(seed, SimFs(), OPTIONS)
    world.begin(settings)
    return world


def fill(world: CompactedWorld, rounds: int = 12) -> None:
    for number in range(rounds):
        world.write((b"x", b"%d" % number * 20), (b"y%d" % (number % 3), b"v" * 30))


def in_the_middle_of_a_pass() -> CompactedWorld:
    """A pass has begun and nothing of it has been written."""
    world = started()
    fill(world, 30)
    world.settle()
    world.store.next_deadline()
    world.tick(60_000)
    world.take()
    while not world.it.cleaning:
        world.step()
        world.take()
    return world


def keys_and_offsets(world: CompactedWorld) -> list[tuple[bytes | None, int]]:
    return [(record.key, record.offset) for record in world.committed()]


def test_of_each_key_the_newest_record_stays_at_its_offset() -> None:
    world = started()
    fill(world)
    size = world.it.size
    world.pass_time()
    assert world.store.cleaner.passes == 1
    assert world.it.size < size
    closed = [pair for pair in keys_and_offsets(world) if pair[1] < world.it.active.base_offset]
    assert len({key for key, _ in closed}) == len(closed), "a key twice below the active segment"
    world.check_compacted()


def test_the_active_segment_is_never_touched() -> None:
    world = started(replace(COMPACT, segment_bytes=1 << 20))
    fill(world)
    world.pass_time()
    assert world.store.cleaner.passes == 0
    assert len(keys_and_offsets(world)) == 24


def test_a_sync_after_a_pass_asks_for_no_file_that_the_pass_has_replaced() -> None:
    world = started(replace(COMPACT, flush_messages=FOREVER, flush_ms=200_000))
    fill(world)
    world.pass_time()
    assert world.store.cleaner.passes == 1
    world.tick(200_000)  # the flush of what was written before the pass
    world.settle()
    world.check_compacted()


def test_a_log_without_the_compact_policy_is_left_alone() -> None:
    world = started(replace(COMPACT, compact=False))
    fill(world)
    world.pass_time()
    assert len(keys_and_offsets(world)) == 24


def test_a_pass_waits_until_enough_of_the_log_is_new() -> None:
    world = started(replace(COMPACT, min_cleanable_dirty_ratio=0.9))
    for number in range(40):  # nothing of it goes
        world.write((b"key %d" % number, b"v" * 60))
    world.pass_time()
    assert world.store.cleaner.passes == 1
    fill(world, 6)
    world.pass_time()
    assert world.store.cleaner.passes == 1
    fill(world, 600)
    world.pass_time()
    assert world.store.cleaner.passes == 2


def test_records_younger_than_the_minimum_lag_stay() -> None:
    world = started(replace(COMPACT, min_compaction_lag_ms=DAY_MS))
    fill(world)
    world.pass_time()
    assert world.store.cleaner.passes == 0
    world.tick(DAY_MS)
    world.settle()
    assert world.store.cleaner.passes == 1
    world.check_compacted()


def test_the_maximum_lag_makes_a_pass_due_however_little_there_is_to_do() -> None:
    world = started(replace(COMPACT, min_cleanable_dirty_ratio=1.0, max_compaction_lag_ms=DAY_MS))
    for number in range(40):
        world.write((b"key %d" % number, b"v" * 60))
    world.pass_time()
    assert world.store.cleaner.passes == 1, "all of it is new"
    fill(world, 12)
    world.pass_time()
    assert world.store.cleaner.passes == 1
    world.tick(DAY_MS + 1)
    world.settle()
    assert world.store.cleaner.passes == 2


def test_a_tombstone_stays_for_delete_retention_ms_and_then_goes() -> None:
    world = started()
    world.write((b"x", b"alive"))
    world.write((b"x", None))
    fill_other(world)
    world.pass_time()
    assert (b"x", 1) in keys_and_offsets(world)
    assert (b"x", 0) not in keys_and_offsets(world)
    fill_other(world)
    world.pass_time()
    assert (b"x", 1) in keys_and_offsets(world), "its time is not over"
    world.tick(DAY_MS)
    fill_other(world)
    world.pass_time()
    assert b"x" not in [key for key, _ in keys_and_offsets(world)]
    world.check_compacted()


def fill_other(world: CompactedWorld) -> None:
    for number in range(16):
        world.write((b"other %d" % (number % 3), b"v" * 60))


def test_the_delete_horizon_changes_no_timestamp() -> None:
    world = started()
    world.write((b"x", b"1"), (b"gone", None))
    world.settle()
    before = world.committed()[0].timestamp_ms
    fill_other(world)
    world.pass_time()
    first = next(world.it.batches_from(0))
    assert read_header(first).has_delete_horizon
    assert [record.timestamp_ms for record in iter_records(first)] == [before, before + 1]


def test_records_of_aborted_transactions_go_and_hide_nothing() -> None:
    world = started()
    world.write((b"x", b"kept"))
    world.open(3)
    world.write((b"x", b"aborted"), producer_id=3)
    world.end(3, commit=False)
    fill_other(world)
    world.pass_time()
    assert (b"x", 0) in keys_and_offsets(world)
    assert all(
        b"aborted" not in bytes(view) for view in world.it.batches_from(0) if not read_header(view).is_control
    )
    world.check_compacted()


def test_an_abort_beyond_the_pass_is_known_in_it() -> None:
    world = started()
    world.write((b"x", b"kept"))
    world.open(3)
    world.write((b"x", b"aborted"), producer_id=3)
    fill_other(world)
    world.open(4)
    world.write((b"y", b"open"), producer_id=4)
    fill_other(world)
    world.end(3, commit=False)
    world.pass_time()
    assert 2 < world.it.cleaned_to < world.it.log_end_offset - 16
    world.end(4, commit=True)
    world.settle()
    assert (b"x", 0) in keys_and_offsets(world)
    world.check_compacted()


def test_an_open_transaction_stops_the_pass_before_it() -> None:
    world = started()
    fill(world)
    world.open(3)
    world.write((b"x", b"open"), producer_id=3)
    fill(world)
    world.pass_time()
    assert world.it.cleaned_to <= 24
    world.end(3, commit=True)
    fill(world)
    world.pass_time()
    assert world.it.cleaned_to > 24
    world.check_compacted()


def test_markers_go_after_their_transactions_and_after_their_horizon() -> None:
    world = started()
    world.open(3)
    world.write((b"x", b"first"), producer_id=3)
    world.end(3, commit=True)
    for _ in range(4):
        fill_other(world)
        world.write((b"x", b"later"))
        world.pass_time()
        world.tick(DAY_MS)
    fill_other(world)
    world.pass_time()
    headers = [read_header(view) for view in world.it.batches_from(0)]
    assert not [header for header in headers if header.is_control]


def test_the_newest_batch_of_a_producer_stays_empty_for_its_sequence() -> None:
    world = started()
    world.write((b"x", b"1"), producer_id=9)
    fill_other(world)
    world.write((b"x", b"2"))
    fill_other(world)
    world.pass_time()
    first = read_header(next(world.it.batches_from(0)))
    assert (first.producer_id, first.record_count, first.last_offset) == (9, 0, 0)
    world.check_compacted()


def test_small_segments_become_one() -> None:
    world = started()
    for _ in range(3):
        fill(world, 60)
        world.pass_time()
    assert len(world.it.segments) < 20
    world.check_compacted()


def test_a_log_with_more_keys_than_fit_takes_several_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuraxis.broker.log.compaction.MOST_KEYS", 5)
    world = started()
    for number in range(60):
        world.write((b"%d" % (number % 20), b"v" * 50))
    world.pass_time()
    world.check_compacted()


def test_compressed_batches_keep_their_codec() -> None:
    world = started()
    for number in range(30):
        world.write((b"x", b"%d" % number), (b"k%d" % number, b"v" * 30), codec=CompressionType.GZIP)
    world.pass_time()
    first = read_header(next(world.it.batches_from(0)))
    assert (first.compression, first.record_count, first.last_offset_delta) == (CompressionType.GZIP, 1, 1)
    world.check_compacted()


def test_a_reader_in_the_middle_of_an_exchanged_segment_reads_on() -> None:
    world = started()
    fill(world, 30)
    world.settle()
    piece = world.it.read(0, 1 << 20, world.it.log_end_offset)
    assert piece is not None
    before = bytes(piece.read())
    world.pass_time()
    assert world.store.cleaner.passes
    assert piece.read() == before
    piece.release()


def test_what_is_below_a_raised_log_start_goes_when_the_pass_is_over() -> None:
    world = in_the_middle_of_a_pass()
    world.it.advance_start(40, world.now)
    world.settle()
    world.pass_time()
    assert world.it.log_start_offset == 40
    assert world.it.bases[1] > 40
    world.check_compacted(all_there=False)


def test_a_topic_deleted_during_a_pass_is_gone() -> None:
    world = in_the_middle_of_a_pass()
    world.store.delete_log(world.it, world.now)
    world.settle()
    world.pass_time()
    assert [name for name in world.fs.list("") if name.startswith("a-")] == []


def test_a_damaged_segment_is_left_alone_and_named(caplog: pytest.LogCaptureFixture) -> None:
    world = started()
    fill(world, 30)
    world.settle()
    path = world.it.segments[0].file.path
    world.fs.flip(path, 100)
    before = bytes(world.fs.content(path))
    world.pass_time()
    assert world.store.cleaner.passes == 0
    assert path in world.store.cleaner.uncleanable[world.it]
    assert "is not compacted any more" in caplog.text
    assert bytes(world.fs.content(path)) == before
    assert not [name for name in world.fs.list("a-0") if name.endswith(swap.CLEANED)]


def test_a_stop_in_the_middle_of_a_pass_is_clean_and_leaves_nothing_behind() -> None:
    world = in_the_middle_of_a_pass()
    world.store.close(world.now)
    assert not [name for name in world.fs.list("a-0") if name.endswith(swap.CLEANED)]
    world.fs.kill()
    world.again()
    assert not world.report.unclean
    world.check_compacted()


@pytest.mark.parametrize("stop", ["close", "kill"])
def test_a_damaged_checkpoint_costs_a_compacted_log_nothing(stop: str) -> None:
    world = started()
    for _ in range(3):
        fill(world, 40)
        world.write((b"only %d" % world.it.log_end_offset, b"v"))
        world.pass_time()
    before = [bytes(view) for view in world.it.batches_from(0)]
    end = world.it.log_end_offset
    world.settle()
    if stop == "close":
        world.store.close(world.now)
    world.fs.kill()
    world.fs.flip("neuraxis-checkpoint", 30)
    world.again()
    assert any("damaged" in note for note in world.report.notes)
    assert [bytes(view) for view in world.it.batches_from(0)] == before
    assert world.it.log_end_offset == end
    world.check_compacted()


def test_a_restart_remembers_what_is_clean() -> None:
    world = started(replace(COMPACT, min_cleanable_dirty_ratio=0.5))
    fill(world, 30)
    world.pass_time()
    cleaned_to = world.it.cleaned_to
    assert cleaned_to > 0
    world.store.close(world.now)
    world.fs.kill()
    world.again()
    assert world.it.cleaned_to == cleaned_to


@pytest.mark.parametrize("power", [False, True])
def test_a_crash_at_every_operation_of_a_pass_leaves_the_old_or_the_new(power: bool) -> None:
    at = 0
    while True:
        at += 1
        world = started(SMALL, seed=at)
        fill(world, 10)
        world.open(3)
        world.write((b"x", b"aborted"), (b"z", b"aborted"), producer_id=3)
        world.end(3, commit=False)
        fill(world, 6)
        world.settle()
        world.fs.crash_at = world.fs.operations + at
        world.fs.crash_how = ("before", "after", "half")[at % 3]
        try:
            world.pass_time()
        except SimCrash:
            pass
        else:
            assert world.store.cleaner.passes == 1
            break
        if power:
            world.fs.power_loss(Random(at))
        else:
            world.fs.kill()
        world.fs.crash_at = None
        world.again()
        world.check_compacted()
        names = world.fs.list("a-0")
        assert not [name for name in names if name.endswith(swap.CLEANED) or name == swap.SWAP]
        world.pass_time()
        world.check_compacted()
    assert at > 40


@pytest.mark.parametrize("block", range(8))
def test_random_lives_keep_the_newest_of_each_key(block: int) -> None:
    for seed in range(block * 12, block * 12 + 12):
        try:
            live(seed)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise


def live(seed: int) -> None:
    rng = Random(seed)
    settings = replace(
        SMALL, min_cleanable_dirty_ratio=rng.choice([0.0, 0.3]), delete_retention_ms=rng.choice([0, DAY_MS])
    )
    world = started(settings, seed)
    for _ in range(rng.randint(2, 4)):
        if rng.random() < 0.8:
            world.fs.crash_at = world.fs.operations + rng.randint(1, 400)
            world.fs.crash_how = rng.choice(["before", "after", "half"])
        try:
            for _ in range(rng.randint(50, 250)):
                random_act(world, rng)
                if rng.random() < 0.05:
                    world.check_compacted()
        except SimCrash:
            pass
        while True:
            if rng.random() < 0.5:
                world.fs.power_loss(rng)
            else:
                world.fs.kill()
            world.fs.crash_at = world.fs.operations + rng.randint(1, 60) if rng.random() < 0.3 else None
            try:
                world.again()
            except SimCrash:
                continue
            break
        world.fs.crash_at = None
        if not world.store.logs:
            return  # the power went before the log was durable
        forget_lost_ends(world)
        world.check_compacted()


def forget_lost_ends(world: CompactedWorld) -> None:
    """After a crash: a transaction whose end was lost is open."""
    model = world.model
    first: dict[int, int] = {}
    for offset, _, _, transaction in model.records:
        first.setdefault(transaction, offset)
    numbers = {offset: number for number, offset in first.items() if number}
    model.open = {producer_id: numbers[start] for producer_id, start in world.it.producers.ongoing.items()}
    for number in model.open.values():
        model.ended.pop(number, None)
