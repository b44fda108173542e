"""Examining a data directory: what is whole is called whole, and every damage is named where it is."""

from __future__ import annotations

from random import Random

import pytest

from neuraxis.broker.log.examination import DAMAGE, NOTE, TAIL, Examination, Report
from neuraxis.broker.log.failures import FormatTooNew
from tests.broker.log.compacted import CompactedWorld
from tests.broker.log.harness import OS, SYNC, World
from tests.broker.log.test_cleaner import fill
from tests.simulation.disk import SimCrash


def filled(*, stopped: bool = True) -> World:
    world = World()
    world.start()
    log = world.create("a", SYNC)
    for _ in range(60):
        world.append(log)
    other = world.create("b", OS)
    for _ in range(5):
        world.append(other, records=3)
    world.settle()
    world.checkpoint()
    if stopped:
        world.store.close(world.now)
    return world


def look(world: World, *, records: bool = True) -> Report:
    return Examination(world.fs).run(records=records)


def test_a_directory_that_was_stopped_cleanly_has_no_finding() -> None:
    report = look(filled())
    assert report.findings == []
    assert report.clean
    assert not report.damaged
    assert [
        (log.topic, log.batches, log.records, log.start_offset, log.end_offset) for log in report.logs
    ] == [
        ("a", 60, 120, 0, 120),
        ("b", 5, 15, 0, 15),
    ]
    assert report.logs[0].segments > 3


def test_progress_ends_at_the_whole() -> None:
    world, seen = filled(), []
    Examination(world.fs, lambda done, whole: seen.append((done, whole))).run()
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_a_directory_without_a_broker_in_it_is_only_noted() -> None:
    world = World()
    report = look(world)
    assert [finding.severity for finding in report.findings] == [NOTE, NOTE]
    assert not report.damaged


def test_what_a_kill_leaves_behind_is_a_tail_and_no_damage() -> None:
    for seed in range(40):
        world = filled(stopped=False)
        world.fs.crash_at = world.fs.operations + seed % 20 + 1
        world.fs.crash_how = ("before", "after", "half")[seed % 3]
        try:
            for _ in range(30):
                world.append(world.log("a"))
                world.take()
                if world.works:
                    world.step()
        except SimCrash:
            pass
        if seed % 2:
            world.fs.power_loss(Random(seed))
        else:
            world.fs.kill()
        report = look(world)
        assert not report.damaged, (seed, report.findings)
        assert not report.clean
        assert TAIL in [finding.severity for finding in report.findings]


def test_every_flipped_bit_in_a_durable_segment_is_found_and_named() -> None:
    for position in [*range(61), 75, 100]:
        if 12 <= position < 16:
            continue  # the leader epoch is under no checksum, in Kafka's format
        world = filled()
        path = world.log("a").segments[1].file.path
        world.fs.flip(path, position)
        report = look(world)
        assert report.damaged, position
        assert {finding.where for finding in report.findings if finding.severity == DAMAGE} <= {
            path,
            path.replace(".log", ".index"),
        }


def test_a_missing_segment_and_a_missing_directory_are_named() -> None:
    world = filled()
    last = world.log("a").active.file.path
    world.fs.remove(last)
    world.fs.remove("b-0")
    findings = look(world).findings
    assert (last, DAMAGE) in [(finding.where, finding.severity) for finding in findings]
    assert ("b-0", DAMAGE) in [(finding.where, finding.severity) for finding in findings]


@pytest.mark.parametrize("suffix", [".index", ".snapshot"])
def test_damaged_small_files_are_named(suffix: str) -> None:
    world = filled()
    (path, *_) = [f"a-0/{name}" for name in world.fs.list("a-0") if name.endswith(suffix)]
    world.fs.flip(path, 7)
    assert [(finding.where, finding.severity) for finding in look(world).findings] == [(path, DAMAGE)]


def test_a_damaged_checkpoint_is_named() -> None:
    world = filled()
    world.fs.flip("neuraxis-checkpoint", 30)
    assert ("neuraxis-checkpoint", DAMAGE) in [
        (finding.where, finding.severity) for finding in look(world).findings
    ]


def test_a_newer_format_is_refused() -> None:
    world = filled()
    world.fs.replace("neuraxis.properties", b"format.version=99\n")
    with pytest.raises(FormatTooNew):
        look(world)


def test_a_compacted_log_with_its_gaps_is_whole() -> None:
    world = CompactedWorld()
    world.begin()
    world.open(3)
    world.write((b"x", b"aborted"), producer_id=3)
    world.end(3, commit=False)
    fill(world, 40)
    world.pass_time()
    world.store.close(world.now)
    assert world.store.cleaner.passes == 1
    report = look(world)
    assert report.findings == []
    assert report.logs[0].records < 50
