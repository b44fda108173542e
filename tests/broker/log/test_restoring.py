"""Damage to the tail: whatever the last bytes have become, recovery comes back to an acknowledged prefix and goes on."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuraxis.broker.log.journal import bases_of, file_name
from neuraxis.broker.log.log import Log
from neuraxis.broker.log.settings import LogSettings
from neuraxis.wire.batch import read_header, set_offset
from tests.broker.log.harness import OS, SYNC, World, batch, check_reads
from tests.simulation.disk import SimFs

ONE_SEGMENT = replace(OS, segment_bytes=1 << 20)


def snapshot(fs: SimFs) -> dict[str, bytes]:
    """Every file's bytes, to be put back before each try."""
    found: dict[str, bytes] = {}
    for name in fs.list(""):
        try:
            found |= {f"{name}/{child}": bytes(fs.content(f"{name}/{child}")) for child in fs.list(name)}
        except NotADirectoryError:
            found[name] = bytes(fs.content(name))
    return found


def restore(image: dict[str, bytes]) -> SimFs:
    fs = SimFs()
    for path, data in image.items():
        folder = path.rpartition("/")[0]
        if folder:
            fs.make_dir(folder)
        fs.write(fs.open(path, create=True), 0, data)
    fs.settle()
    fs.kill()
    return fs


def unsynced_log() -> tuple[World, dict[str, bytes]]:
    """An `os` log: six batches under a checkpoint, four after it."""
    world = World()
    world.start()
    log = world.create("a", ONE_SEGMENT)
    for _ in range(6):
        world.append(log, size=30)
    world.checkpoint()
    for _ in range(4):
        world.append(log, size=30)
    return world, snapshot(world.fs)


def journalled_log() -> tuple[World, dict[str, bytes]]:
    """A `sync` log of which only the journal is durable since the checkpoint."""
    world = World()
    world.start()
    log = world.create("a", replace(SYNC, segment_bytes=1 << 20))
    for _ in range(6):
        world.append(log, size=30)
    world.checkpoint()
    for _ in range(4):
        world.append(log, size=30)
    world.settle()
    return world, snapshot(world.fs)


def reopen(model: World, fs: SimFs, at_least: int, at_most: int) -> None:
    """Recover from `fs`; the log must be a prefix of what was written, no shorter than `at_least` batches, and must go on."""
    world = World(fs=fs)
    world.start()
    history = next(iter(model.histories.values()))
    log = world.log("a")
    found = [bytes(view) for view in log.batches_from(0)]
    assert found == history.batches[: len(found)]
    assert at_least <= len(found) <= at_most
    assert log.log_end_offset == (history.ends[len(found) - 1] if found else 0)
    if found:
        check_reads(log)
    count = len(found)
    world.histories = {history.key: replace(history, batches=found, ends=history.ends[: len(found)])}
    world.configure_all()
    world.append(log)
    world.settle()
    assert log.durable_offset == log.log_end_offset
    assert len(list(log.batches_from(0))) == count + 1


SEGMENT = "a-0/00000000000000000000.log"


def damaged(data: bytes, at: int, how: str) -> bytes:
    """The bytes of a file after something happened to it from byte `at` on."""
    if how == "truncated":
        return data[:at]
    if how == "zeroed":
        return data[:at] + bytes(len(data) - at)
    if how == "flipped":
        return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
    assert how == "duplicated"
    return data + data[at:]


@pytest.mark.parametrize("how", ["truncated", "zeroed", "flipped", "duplicated"])
def test_a_tail_torn_at_any_byte_keeps_the_whole_batches_before_it(how: str) -> None:
    model, image = unsynced_log()
    data = image[SEGMENT]
    sizes = [len(batch) for batch in next(iter(model.histories.values())).batches]
    synced = sum(sizes[:6])
    ends = list(accumulate(sizes))
    for at in range(synced, len(data)):
        bad = damaged(data, at, how)
        whole = sum(1 for end in ends if bad[:end] == data[:end])
        # Nothing in a batch protects its leader epoch: a flip there is not seen.
        if not (how == "flipped" and 12 <= at - ends[whole - 1] < 16):
            reopen(model, restore(image | {SEGMENT: bad}), whole, whole)


@pytest.mark.parametrize("how", ["truncated", "zeroed", "flipped", "duplicated"])
def test_a_sync_log_comes_back_from_the_journal_whatever_became_of_its_segment(how: str) -> None:
    model, image = journalled_log()
    data = image[SEGMENT]
    synced = sum(len(batch) for batch in next(iter(model.histories.values())).batches[:6])
    for at in range(synced, len(data), 3):
        reopen(model, restore(image | {SEGMENT: damaged(data, at, how)}), 10, 10)


@pytest.mark.parametrize("how", ["truncated", "zeroed", "flipped"])
def test_a_journal_torn_at_any_byte_keeps_the_frames_before_it(how: str) -> None:
    model, image = journalled_log()
    name = file_name(bases_of(restore(image))[-1])
    data = image[name]
    end = max(i for i, byte in enumerate(data) if byte) + 1
    ends, at = [], 0
    while at < end:
        at += 8 + int.from_bytes(data[at : at + 4], "big")
        ends.append(at)
    assert len(ends) == 11  # the creation, ten batches
    for cut in range(ends[-4], end):
        bad = damaged(data, cut, how)
        whole = sum(1 for frame_end in ends if bad[:frame_end].ljust(frame_end) == data[:frame_end]) - 1
        reopen(model, restore(image | {name: bad}), whole, whole)


def test_swapped_pages_never_show_a_batch_that_nobody_wrote() -> None:
    world = World()
    world.start()
    log = world.create("a", ONE_SEGMENT)
    for _ in range(60):
        world.append(log, size=200)
    image = snapshot(world.fs)
    pages = [image[SEGMENT][i : i + 4096] for i in range(0, len(image[SEGMENT]), 4096)]
    for first in range(len(pages) - 1):
        for second in range(first + 1, len(pages)):
            swapped = list(pages)
            swapped[first], swapped[second] = swapped[second], swapped[first]
            reopen(world, restore(image | {SEGMENT: b"".join(swapped)}), 0, 60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1 << 30),
    holes=st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 600)), max_size=4),
)
def test_random_damage_to_an_unsynced_tail_leaves_a_prefix(seed: int, holes: list[tuple[int, int]]) -> None:
    model, image = unsynced_log()
    data = bytearray(image[SEGMENT])
    synced = sum(len(batch) for batch in next(iter(model.histories.values())).batches[:6])
    noise = Random(seed)
    for start, length in holes:
        at = synced + start % (len(data) - synced)
        data[at : at + length] = noise.randbytes(min(length, len(data) - at))
    batches = next(iter(model.histories.values())).batches
    for i in range(6, 10):  # not protected by the checksum, see above
        at = sum(len(batch) for batch in batches[:i]) + 12
        data[at : at + 4] = bytes(4)
    reopen(model, restore(image | {SEGMENT: bytes(data)}), 6, 10)


def counted(log: Log) -> tuple[object, ...]:
    """What a log knows of its batches by having counted them."""
    segment = log.active
    index, time_index = segment.index(4096), segment.time_index(4096)
    return (
        (log.log_end_offset, log.size, log.leader_epoch, log.epochs.entries, log.recent_offsets[-1]),
        (segment.size, segment.first_timestamp, segment.max_timestamp, segment.max_timestamp_offset),
        {id: (each.epoch, each.batches[-1].last_offset) for id, each in log.producers.by_id.items()},
        (bytes(index.data), bytes(time_index.data)),
    )


@pytest.mark.parametrize("policy", [SYNC, OS], ids=["journal", "scan"])
@pytest.mark.parametrize("under", [0, 3], ids=["from its beginning", "from a checkpoint"])
def test_batches_that_are_counted_in_a_run_count_as_if_they_had_been_appended(
    policy: LogSettings, under: int
) -> None:
    for seed in range(10):
        rng, world = Random(seed), World()
        world.start()
        log = world.create("b", replace(policy, segment_bytes=1 << 20, index_interval_bytes=4096))
        sequence = 0
        for number in range(40):
            if number == under and under:
                world.checkpoint()
            if rng.random() < 0.1:
                log.raise_epoch(log.leader_epoch + 1)
            records = rng.randint(1, 3)
            producer = (9, sequence) if rng.random() < 0.3 else (-1, -1)
            sequence += records if producer[0] == 9 else 0
            data = memoryview(batch(rng.randrange(1_000), rng.choice([5, 400, 3_000]), records, *producer))
            set_offset(data, log.log_end_offset, log.leader_epoch)
            log.append(data, read_header(data), world.now)
        world.settle()
        before = counted(log)
        world.fs.kill()
        world.start()
        assert counted(world.log("b")) == before, f"seed {seed}"
