"""Compaction in a process of its own gives what the same pass gives on a thread."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from neuraxis.broker.log import child
from neuraxis.broker.log.compaction import Plan, Source, Target, clean
from neuraxis.broker.log.fs import DiskFs
from neuraxis.broker.log.transactions import AbortedTransaction
from neuraxis.wire.records import Record, build_batch


def source_in(fs: DiskFs, batches: int = 400) -> Source:
    file = fs.open("source", create=True)
    position = 0
    for number in range(batches):
        producer_id = 7 if number % 50 == 3 else -1
        data = build_batch(
            [Record(number, 1_000 + number, b"key %d" % (number % 37), b"v" * 100, ())],
            base_offset=number,
            producer_id=producer_id,
            producer_epoch=0 if producer_id >= 0 else -1,
            base_sequence=0 if producer_id >= 0 else -1,
            transactional=producer_id >= 0,
        )
        fs.write(file, position, data)
        position += len(data)
    return Source(0, file, position)


def plan_in(fs: DiskFs, source: Source, name: str) -> Plan:
    target = Target([source], fs.open(name, create=True), [AbortedTransaction(7, 3, 40, 41)])
    target.file.pin()
    return Plan([target], 0, 400, list(target.aborted), frozenset({(7, 353)}), 5_000, 1_000, 1_000)


def result(fs: DiskFs, plan: Plan) -> tuple[object, ...]:
    target = plan.targets[0]
    return (
        fs.read(target.file, 0, 1 << 20), target.size, bytes(target.index.data), bytes(target.time_index.data),
        target.max_timestamp, target.max_timestamp_offset, target.markers, plan.cleaned_to, plan.damage,
    )  # fmt: skip


def test_the_result_is_that_of_a_thread(tmp_path: Path) -> None:
    fs = DiskFs(str(tmp_path))
    source = source_in(fs)
    apart, here = plan_in(fs, source, "apart"), plan_in(fs, source, "here")
    child.clean_apart(fs, apart)
    clean(fs, here)
    assert result(fs, apart) == result(fs, here)
    assert 0 < apart.targets[0].size < source.size / 5
    fs.close()


def test_a_damaged_segment_is_named(tmp_path: Path) -> None:
    fs = DiskFs(str(tmp_path))
    source = source_in(fs)
    fs.write(source.file, 500, b"\xff")
    plan = plan_in(fs, source, "apart")
    child.clean_apart(fs, plan)
    assert "source holds no good batch" in plan.damage
    fs.close()


def test_what_was_deleted_meanwhile_and_what_is_not_wanted_any_more_is_given_up(tmp_path: Path) -> None:
    fs = DiskFs(str(tmp_path))
    source = source_in(fs)
    plan = plan_in(fs, source, "apart")
    (tmp_path / "source").unlink()
    child.clean_apart(fs, plan)
    assert plan.cancelled
    (tmp_path / "source").write_bytes(b"")
    unwanted = plan_in(fs, source, "apart")
    unwanted.cancelled = True
    child.clean_apart(fs, unwanted)
    assert unwanted.cleaned_to == -1
    fs.close()


def test_a_process_that_dies_costs_only_the_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fs = DiskFs(str(tmp_path))
    plan = plan_in(fs, source_in(fs), "apart")
    monkeypatch.setattr("sys.executable", "/bin/false")
    child.clean_apart(fs, plan)
    assert plan.cancelled
    assert "looked at again later" in caplog.text
    assert [thread.name for thread in threading.enumerate() if thread.name == "neuraxis-compaction"] == []
    fs.close()


def test_large_passes_go_to_a_process_and_small_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = DiskFs(str(tmp_path))
    source = source_in(fs)
    seen: list[Plan] = []
    monkeypatch.setattr(child, "clean_apart", lambda _, plan: seen.append(plan))
    small = plan_in(fs, source, "small")
    fs.clean(small)
    assert (seen, small.cleaned_to) == ([], 400)
    large = plan_in(fs, Source(0, source.file, child.WORTH_BYTES), "large")
    fs.clean(large)
    assert seen == [large]
    fs.close()
