"""Sparse indexes: searching, soundness, the cache's bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neuraxis.broker.log.index import IndexCache, OffsetIndex, TimeIndex
from neuraxis.broker.log.segment import Segment
from tests.simulation.disk import SimFs


@given(st.lists(st.integers(1, 1000), max_size=80), st.integers(0, 100_000))
def test_the_floor_is_the_last_entry_at_or_before(steps: list[int], wanted: int) -> None:
    index = OffsetIndex(500)
    offsets: list[tuple[int, int]] = []
    offset, position = 500, 0
    for step in steps:
        offset, position = offset + step, position + 100 * step
        index.append(offset, position)
        offsets.append((offset, position))
    assert index.floor(wanted) == max((p for o, p in offsets if o <= wanted), default=0)
    assert index.position_floor(wanted) == max((p for _, p in offsets if p <= wanted), default=0)
    assert [index.entry(i) for i in range(len(index))] == offsets
    assert index.is_sound(position + 1)
    assert not offsets or not index.is_sound(position)


def test_entries_have_kafkas_bytes() -> None:
    index, times = OffsetIndex(100), TimeIndex(100)
    index.append(107, 4096)
    times.append(1_700_000_000_000, 107)
    assert bytes(index.data) == bytes.fromhex("0000000700001000")
    assert bytes(times.data) == bytes.fromhex("0000018bcfe5680000000007")


def test_a_time_index_takes_only_what_rises() -> None:
    times = TimeIndex(0)
    for timestamp, offset in [(10, 5), (10, 6), (9, 7), (12, 8), (-1, 9)]:
        times.append(timestamp, offset)
    assert [times.entry(i) for i in range(len(times))] == [(10, 5), (12, 8)]
    assert (times.floor(10), times.floor(11), times.floor(13)) == (0, 5, 8)


def test_bogus_index_bytes_are_not_sound() -> None:
    assert not OffsetIndex(0, bytes(8)).is_sound(1_000)
    assert not OffsetIndex(0, bytes(9)).is_sound(1_000)
    assert not OffsetIndex(0, b"\xff" * 16).is_sound(1_000)
    assert not TimeIndex(0, bytes(24)).is_sound()
    assert not TimeIndex(0, bytes(11)).is_sound()


def test_the_cache_keeps_its_bound_and_drops_the_longest_unused() -> None:
    fs = SimFs()
    fs.make_dir("a")
    cache = IndexCache(100)
    segments = []
    for number in range(5):
        segment = Segment(fs, "a", number, fs.open(f"a/{number}", create=True))
        for i in range(1, 7):
            segment.index(1).append(number + i, i)
        segment.write_indexes()
        segments.append(segment)
        cache.touch(segment)
        cache.touch(segments[0])
    assert [segment.index_bytes > 0 for segment in segments] == [True, False, False, False, True]
    cache.forget(segments[0])
    cache.touch(segments[1])
