"""One pass of compaction over segment files: whole batches only, bounded keys, the same result when done twice."""

from __future__ import annotations

import pytest

from neuraxis.broker.log.compaction import Damaged, Plan, Source, Target, clean, whole_batches
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.wire.batch import read_header
from neuraxis.wire.records import Record, build_batch, iter_records


def segment_of(fs: MemoryFs, *batches: list[tuple[bytes | None, bytes | None]], name: str = "s") -> Source:
    """A segment file of these batches, offsets from 0."""
    file = fs.open(name, create=True)
    offset = position = 0
    for pairs in batches:
        records = [
            Record(offset + i, 1_000 + offset + i, key, value, ()) for i, (key, value) in enumerate(pairs)
        ]
        data = build_batch(records, base_offset=offset)
        fs.write(file, position, data)
        position += len(data)
        offset += len(pairs)
    return Source(0, file, position)


def plan_for(fs: MemoryFs, source: Source, limit: int, **changes: int) -> Plan:
    target = Target([source], fs.open("target", create=True), [])
    plan = Plan([target], 0, limit, [], frozenset(), 5_000, 1_000, 100)
    for name, value in changes.items():
        setattr(plan, name, value)
    return plan


def offsets_in(fs: MemoryFs, plan: Plan) -> list[int]:
    target = plan.targets[0]
    found = Source(0, target.file, target.size)
    return [record.offset for _, view in whole_batches(fs, found) for record in iter_records(view)]


def test_the_newest_of_each_key_stays_and_a_keyless_record_goes() -> None:
    fs = MemoryFs()
    source = segment_of(fs, [(b"a", b"1"), (b"b", b"1")], [(None, b"2"), (b"a", b"2")], [(b"c", None)])
    plan = plan_for(fs, source, limit=5)
    clean(fs, plan)
    assert offsets_in(fs, plan) == [1, 3, 4]
    assert plan.cleaned_to == 5
    last = [view for _, view in whole_batches(fs, Source(0, plan.targets[0].file, plan.targets[0].size))][-1]
    assert read_header(last).base_timestamp == 6_000, "the delete horizon: now and delete.retention.ms"


def test_a_pass_ends_at_the_batch_whose_keys_do_not_fit_and_leaves_the_rest_as_it_is() -> None:
    fs = MemoryFs()
    source = segment_of(fs, [(b"a", b"1")], [(b"b", b"1")], [(b"c", b"1")], [(b"a", b"2")])
    plan = plan_for(fs, source, limit=4, most_keys=2)
    clean(fs, plan)
    assert plan.cleaned_to == 2
    assert offsets_in(fs, plan) == [0, 1, 2, 3]


def test_a_pass_done_twice_writes_the_same() -> None:
    fs = MemoryFs()
    source = segment_of(fs, *[[(b"k%d" % (n % 3), b"v" * 50)] for n in range(30)])
    plan = plan_for(fs, source, limit=30)
    clean(fs, plan)
    first = fs.read(plan.targets[0].file, 0, plan.targets[0].size), bytes(plan.targets[0].index.data)
    clean(fs, plan)
    assert (
        fs.read(plan.targets[0].file, 0, plan.targets[0].size),
        bytes(plan.targets[0].index.data),
    ) == first


def test_a_cancelled_pass_ends_without_damage() -> None:
    fs = MemoryFs()
    plan = plan_for(fs, segment_of(fs, [(b"a", b"1")]), limit=1)
    plan.cancelled = True
    clean(fs, plan)
    assert (plan.cleaned_to, plan.damage, plan.targets[0].size) == (-1, "", 0)


@pytest.mark.parametrize("position", [0, 30, 70, 90])
def test_a_flipped_bit_is_damage_that_names_the_file(position: int) -> None:
    fs = MemoryFs()
    source = segment_of(fs, [(b"a", b"v" * 50)])
    byte = fs.read(source.file, position, 1)[0]
    if position == 0:
        fs.truncate(source.file, source.size - 1)
    else:
        fs.write(source.file, position, bytes([byte ^ 1]))
    with pytest.raises(Damaged, match=r"s (holds no good batch|ends in the middle)"):
        list(whole_batches(fs, source))
    plan = plan_for(fs, source, limit=1)
    clean(fs, plan)
    assert "s " in plan.damage


def test_batches_larger_than_one_read_are_whole() -> None:
    fs = MemoryFs()
    source = segment_of(fs, [(b"a", b"1")], [(b"b", bytes(3 << 20))], [(b"c", b"1")])
    assert [header.base_offset for header, _ in whole_batches(fs, source)] == [0, 1, 2]
