"""Loads of indexes: from files that lag behind, lie or are missing, on the loop or in a thread, the result is the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neuraxis.broker.log.loading import IndexLoad
from neuraxis.broker.log.segment import Segment
from neuraxis.broker.work import LoadIndexes, Work, perform
from tests.broker.log.harness import OS, World

INTERVAL = 300


def closed_segment() -> tuple[World, Segment]:
    world = World()
    world.start()
    log = world.create("a", replace(OS, segment_bytes=4_000))
    for _ in range(40):
        world.append(log, size=150)
    return world, log.segments[0]


def entries(load: IndexLoad) -> tuple[bytes, bytes, int, int, int]:
    return (
        bytes(load.index.data),
        bytes(load.time_index.data),
        load.last_position,
        load.timestamp,
        load.timestamp_offset,
    )


def loaded(segment: Segment, *, from_files: bool = True) -> IndexLoad:
    load = IndexLoad(segment, INTERVAL, from_files=from_files)
    load.run(segment.fs, patient=True)
    return load


def test_a_load_in_a_thread_gives_what_one_on_the_loop_gives() -> None:
    _, segment = closed_segment()
    here = IndexLoad(segment, INTERVAL, from_files=True)
    here.run(segment.fs, patient=False)
    there = IndexLoad(segment, INTERVAL, from_files=True)
    perform(segment.fs, Work(1, "read", (LoadIndexes(there),)))
    assert entries(here) == entries(there)
    assert len(here.index) > 3


def test_without_files_the_headers_are_enough() -> None:
    _, segment = closed_segment()
    whole, anew = loaded(segment), loaded(segment, from_files=False)
    assert anew.written == (0, 0)
    assert anew.files == (segment.file,)
    assert bytes(anew.index.data) == bytes(whole.index.data)
    assert (anew.timestamp, anew.timestamp_offset) == (whole.timestamp, whole.timestamp_offset)


@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
def test_an_index_that_makes_no_sense_is_made_anew(suffix: str) -> None:
    world, segment = closed_segment()
    whole = loaded(segment, from_files=False)
    file = segment.fs.open(segment.path(suffix))
    segment.fs.write(file, 0, b"\xff" * segment.fs.size(file))
    found = loaded(segment)
    assert found.written == (0, 0)
    assert entries(found) == entries(whole)
    assert world.report is not None


def test_a_load_is_brought_up_to_what_was_appended_since() -> None:
    world = World()
    world.start()
    log = world.create("a", replace(OS, segment_bytes=1 << 20))
    for _ in range(10):
        world.append(log, size=150)
    segment = log.active
    load = loaded(segment)
    before = load.size
    for _ in range(10):
        world.append(log, size=150)
    load.extend(segment.fs, before, segment.size, patient=True)
    assert entries(load) == entries(loaded(segment, from_files=False))
