"""The files of a log at one moment: copied while the log goes on, they are that moment again."""

from __future__ import annotations

from random import Random

import pytest

from neuraxis.broker.log import checkpoint as files
from neuraxis.broker.log.examination import Examination
from neuraxis.broker.log.inventory import WHOLE, LogFiles, inventory
from neuraxis.broker.log.log import Log
from tests.broker.log.compacted import COMPACT, CompactedWorld, random_act
from tests.broker.log.harness import OPTIONS
from tests.simulation.disk import SimFs

SUFFIXES = (".log", ".index", ".timeindex", ".txnindex")


def copied(world: CompactedWorld, fs: SimFs, log: Log, found: LogFiles) -> None:
    """Copy a log's files, as they are now, up to the lengths of the moment."""
    fs.make_dir("a-0")

    def write(path: str, data: bytes) -> None:
        fs.write(fs.open(path, create=True), 0, data)

    write("a-0/partition.metadata", files.partition_metadata(log.topic_id))
    write("a-0/leader-epoch-checkpoint", found.epochs)
    entry = files.entry_from(found.entry)
    if found.producers:
        write(f"a-0/{entry.snapshot_offset:020d}.snapshot", found.producers)
    for base, *lengths in found.segments:
        for suffix, length in zip(SUFFIXES, lengths, strict=True):
            path = f"a-0/{base:020d}{suffix}"
            if not length and suffix != ".log":
                continue
            try:
                content = bytes(world.fs.content(path))
            except FileNotFoundError:
                assert length == WHOLE
                continue
            write(path, content if length == WHOLE else content[:length])
            assert length == WHOLE or len(content) >= length
    state = files.Checkpoint(1 << 20, clean=True)
    write(files.CHECKPOINT, files.to_bytes(state, [found.entry]))


@pytest.mark.parametrize("seed", range(40))
def test_what_is_copied_while_everything_goes_on_is_the_moment(seed: int) -> None:
    rng = Random(seed)
    world = CompactedWorld(seed, SimFs(), OPTIONS)
    world.begin()
    for _ in range(rng.randint(5, 150)):
        random_act(world, rng)
    log = world.it
    world.store.holds.open(1, 600_000, world.now)
    found = inventory(log)
    end, seen = log.log_end_offset, [bytes(view) for view in log.batches_from(log.log_start_offset)]
    aborted = [entry for segment in log.segments for entry in segment.aborted]
    producers, ongoing = log.producers.snapshot(), dict(log.producers.ongoing)
    for _ in range(60):  # no days pass: the hold would end
        if rng.random() < 0.8:
            world.write((b"later", rng.randbytes(30)))
        world.take()
        while world.works and rng.random() < 0.9:
            world.step(rng.randrange(len(world.works)))
        world.store.next_deadline()
        world.tick(5_000)
    again = CompactedWorld(seed, SimFs(), OPTIONS)
    copied(world, again.fs, log, found)
    assert not Examination(again.fs).run(records=True).damaged
    again.start()
    assert again.report.notes == []
    restored = again.it
    restored.configure(COMPACT)
    assert restored.log_end_offset == end
    assert [bytes(view) for view in restored.batches_from(restored.log_start_offset)] == seen
    assert [entry for segment in restored.segments for entry in segment.aborted] == aborted
    assert restored.producers.snapshot() == producers or not seen
    assert dict(restored.producers.ongoing) == ongoing
