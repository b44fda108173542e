"""Checkpoints: when they are made, what they let go, what a start needs of them."""

from __future__ import annotations

from dataclasses import replace

from neuraxis.broker.log.checkpointing import MANY_STEPS
from neuraxis.broker.log.settings import BATCH_COST
from neuraxis.broker.work import Sync, WriteOut
from tests.broker.log.harness import OPTIONS, SYNC, World


def started(**changes: int | str) -> World:
    world = World(options=replace(OPTIONS, **changes))  # type: ignore[arg-type]  # options by name
    world.start()
    return world


def test_a_checkpoint_is_made_after_a_minute_or_after_enough_bytes_and_trims_the_journal() -> None:
    world = started(checkpoint_bytes=10_000, unsynced_bytes=10_000)
    log = world.create("a", SYNC)
    kinds = set()
    world.store.ledger.check_at = 0
    for _ in range(100):
        world.append(log, size=300)
        world.store.ledger.check_at = 0
        world.take()
        kinds |= {work.kind for work, _ in world.works}
        world.settle()
    assert "checkpoint" in kinds
    assert len(world.fs.list("journal")) <= 3
    world.fs.kill()
    assert world.start().frames < 40
    assert world.log("a").log_end_offset == 200


def test_small_and_large_batches_hasten_the_checkpoint_by_what_a_start_would_take() -> None:
    world = started()
    log = world.create("a", replace(SYNC, segment_bytes=1 << 20))
    at = world.store.ledger.written
    world.append(log, size=10, records=1)
    assert BATCH_COST < world.store.ledger.written - at < BATCH_COST + 200
    at = world.store.ledger.written
    world.append(log, size=70_000, records=1)
    assert 4 * 70_000 + BATCH_COST < world.store.ledger.written - at < 4 * 70_200 + BATCH_COST


def test_a_checkpoint_is_made_where_too_many_files_are_kept_open_for_it() -> None:
    world = started()
    log = world.create("a", SYNC)
    world.append(log)
    world.settle()
    world.append(log)
    world.fs.crowded = True
    world.take()
    assert "checkpoint" in {work.kind for work, _ in world.works}
    assert not world.fs.crowded
    world.settle()
    assert log.unchecked == []


def test_a_checkpoint_of_very_many_files_has_them_written_out_in_one_go_first() -> None:
    for logs, first in ((10, Sync), (MANY_STEPS // 3, WriteOut)):
        world = started()
        for number in range(logs):
            world.append(world.create(f"t{number}", SYNC))
        world.settle()
        world.store.checkpointer.start()
        world.take()
        (steps,) = [work.steps for work, _ in world.works if work.kind == "checkpoint"]
        assert [type(step) for step in steps].count(WriteOut) == (first is WriteOut)
        assert isinstance(steps[0], first)
        world.settle()


def test_a_clean_stop_is_reported_as_one_and_leaves_nothing_to_read() -> None:
    world = started()
    log = world.create("a", SYNC)
    for _ in range(50):
        world.append(log)
    world.settle()
    world.store.close(world.now)
    assert world.fs.content("recovery-point-offset-checkpoint") == b"0\n1\na 0 100\n"
    assert world.fs.content("log-start-offset-checkpoint") == b"0\n1\na 0 0\n"
    assert ".kafka_cleanshutdown" in world.fs.list("")
    reads: list[str] = []
    world.fs.fault = lambda operation, path, number: reads.append(path) if operation == "read" else None
    report = world.start()
    assert (report.unclean, report.frames, report.notes) == (False, 0, [])
    assert not [path for path in reads if path.endswith((".log", "index"))]
    world.fs.fault = None
    assert world.log("a").log_end_offset == 100


def test_producers_and_their_windows_survive_a_clean_and_an_unclean_stop() -> None:
    world = started()
    log = world.create("a", SYNC)
    for _ in range(9):
        world.append(log)
    world.settle()
    for stop in ("kill", "close", "kill"):
        if stop == "kill":
            world.fs.kill()
        else:
            world.store.close(world.now)
        world.start()
        assert [b.first_sequence for b in world.log("a").producers.by_id[9].batches] == [8, 10, 12, 14, 16]
