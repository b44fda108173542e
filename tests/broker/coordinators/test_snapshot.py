"""Snapshots of a coordinator: when they are taken, and when a start must not trust one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.broker.coordinators import snapshot
from neuraxis.broker.coordinators.snapshot import Snapshot, decode, encode
from tests.broker.coordinators.counting import NOW, Bench

PAIRS = st.lists(st.tuples(st.binary(max_size=20), st.none() | st.binary(max_size=20)), max_size=10)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "SNAPSHOT_BYTES", 500)


def files(bench: Bench) -> list[str]:
    names = bench.fs.list(bench.partition.log.directory)
    return sorted(name for name in names if name.endswith(".facts"))


def filled(count: int = 40) -> Bench:
    bench = Bench()
    for number in range(count):
        bench.add(f"name{number % 7}")
        bench.work()
    return bench


def overwrite(bench: Bench, name: str, position: int, data: bytes) -> None:
    bench.fs.write(bench.fs.open(f"{bench.partition.log.directory}/{name}"), position, data)


@given(st.integers(0, 2**62), st.integers(0, 2**32 - 1), PAIRS)
def test_a_snapshot_reads_back(
    offset: int, batch_crc: int, records: list[tuple[bytes, bytes | None]]
) -> None:
    made = Snapshot(offset, batch_crc, records)
    assert decode(encode(made)) == made


def test_a_torn_or_flipped_snapshot_is_none() -> None:
    data = encode(Snapshot(7, 8, [(b"key", b"value"), (b"gone", None)]))
    assert decode(data[:-1]) is None
    assert decode(b"") is None
    for position in [*range(10), *range(len(data) - 20, len(data))]:
        flipped = bytearray(data)
        flipped[position] ^= 1
        assert decode(bytes(flipped)) is None


@pytest.mark.parametrize("count", [0, 1, 3, 2**31 - 1])
def test_a_snapshot_whose_count_was_flipped_is_none_and_forgets_no_record(count: int) -> None:
    data = bytearray(encode(Snapshot(7, 9, [(b"key", b"value"), (b"gone", None)])))
    assert decode(bytes(data)) is not None
    place = snapshot._HEADER.size - 4
    data[place : place + 4] = count.to_bytes(4, "big")
    assert decode(bytes(data)) is None


def test_a_start_reads_the_newest_snapshot_and_the_tail() -> None:
    bench = filled()
    values = bench.shard.state.values
    again = bench.restart()
    assert again.shard.state.values == values
    assert again.loaded < 40


def test_a_snapshot_from_before_the_active_segment_is_not_used() -> None:
    bench = filled()
    log = bench.partition.log
    assert snapshot.Snapshots(log, bench.store).newest() is not None
    log.roll()
    assert snapshot.Snapshots(log, bench.store).newest() is None, (
        "compaction may have taken tombstones after it"
    )


def test_the_two_newest_are_kept() -> None:
    bench = filled(200)
    assert len(files(bench)) == 2


def test_no_second_snapshot_is_begun_while_one_is_written() -> None:
    bench = Bench()
    for number in range(200):
        bench.add(f"name{number % 7}")
    assert bench.work().count("snapshot") == 1


def test_no_snapshot_is_written_to_a_full_disk() -> None:
    bench = Bench()
    bench.store.full = True
    for number in range(40):
        bench.add(f"name{number}")
    assert "snapshot" not in bench.work()


def test_a_broken_snapshot_gives_way_to_the_one_before() -> None:
    bench = filled(200)
    values = dict(bench.shard.state.values)
    older, newest = files(bench)
    overwrite(bench, newest, 40, b"xxxxxxxx")
    again = bench.restart()
    assert again.shard.state.values == values
    assert 200 - int(older.split(".")[0]) <= again.loaded < 200


def test_two_broken_snapshots_give_way_to_the_log() -> None:
    bench = filled(200)
    values = dict(bench.shard.state.values)
    for name in files(bench):
        overwrite(bench, name, 40, b"xxxxxxxx")
    again = bench.restart()
    assert (again.loaded, again.shard.state.values) == (200, values)


def test_a_snapshot_of_a_history_that_the_log_has_lost_is_not_used() -> None:
    # What a power cut does to a log that is not synced: the end is gone, and other facts take its offsets.
    bench = filled()
    name = files(bench)[-1]
    log = bench.partition.log
    offset = int(name.split(".")[0])
    other = snapshot.Snapshots(log, bench.store)
    taken = other.newest()
    assert taken is not None
    assert taken.offset == offset
    data = encode(taken._replace(batch_crc=taken.batch_crc ^ 1))
    overwrite(bench, name, 0, data)
    assert bench.restart().shard.state.values == bench.shard.state.values
    beyond = log.log_end_offset + 1
    bench.fs.replace(f"{log.directory}/{beyond:020d}.facts", encode(taken._replace(offset=beyond)))
    newest = snapshot.Snapshots(log, bench.store).newest()
    assert newest is None or newest.offset <= log.log_end_offset


def test_a_coordinator_without_a_store_takes_no_snapshots() -> None:
    bench = filled()
    alone = snapshot.Snapshots(bench.partition.log, None)
    assert alone.newest() is None
    alone.saw(10_000, 0)
    alone.take_if_due(lambda: pytest.fail("asked for the facts"))
    assert NOW.mono_ms == 1_000


def test_the_larger_the_state_the_rarer_the_snapshots() -> None:
    bench = Bench()
    taken = []
    for number in range(400):
        bench.add(f"name{number}")
        if "snapshot" in bench.work():
            taken.append(number)
    gaps = [later - earlier for earlier, later in itertools.pairwise(taken)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 4 * gaps[0]
