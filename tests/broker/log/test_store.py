"""The store: works, policies, time, retention, the full disk, identity, and what a start reports."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from neuraxis.broker.log.failures import DirectoryInUse, StorageFailed
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.log.settings import LogSettings, StoreOptions
from neuraxis.broker.log.store import LogStore
from neuraxis.broker.work import Now, Sync
from tests.broker.log.harness import INTERVAL, OPTIONS, OS, SYNC, WALL, World, batch
from tests.simulation.disk import SimFs


def started(**changes: int | str) -> World:
    world = World(options=replace(OPTIONS, **changes))  # type: ignore[arg-type]  # options by name
    world.start()
    return world


def test_at_most_one_sync_is_under_way_and_it_covers_every_partition() -> None:
    world = started()
    logs = [world.create("a", SYNC, partition) for partition in range(20)]
    for log in logs:
        world.append(log)
    world.take()
    assert [work.kind for work, _ in world.works] == ["sync"]
    assert sum(isinstance(step, Sync) for step in world.works[0][0].steps) == 1
    for log in logs:
        world.append(log)
    world.take()
    assert len(world.works) == 1
    while world.works:
        world.step()
    assert [log.durable_offset for log in logs] == [2] * 20
    world.take()
    assert len(world.works) == 1
    world.settle()
    assert [log.durable_offset for log in logs] == [4] * 20


def test_nothing_is_due_and_nothing_is_worked_on_when_nothing_happened() -> None:
    world = started()
    world.checkpoint()
    assert world.store.take_work() == []
    assert world.store.next_deadline() is None


def test_an_interval_log_is_synced_after_its_time_or_its_count() -> None:
    world = started()
    log = world.create("a", INTERVAL)
    world.settle()
    world.append(log)
    world.take()
    assert world.works == []
    deadline = world.store.next_deadline()
    assert deadline == world.now.mono_ms + 100
    world.tick(100)
    world.take()
    assert [work.kind for work, _ in world.works] == ["flush"]
    world.settle()
    log.configure(replace(INTERVAL, flush_messages=5))
    for _ in range(3):
        world.append(log)
    world.take()
    assert [work.kind for work, _ in world.works] == ["flush"]


def test_a_full_disk_is_seen_before_it_is_hit_and_forgotten_when_there_is_room() -> None:
    world = started()
    log = world.create("a", OS)
    world.fs.capacity = world.fs.capacity - world.fs.space() + (64 << 20) - 1
    assert not world.store.full
    world.store.ledger.written = world.store.ledger.check_at
    world.take()
    assert world.store.full
    world.fs.capacity += 1 << 20
    deadline = world.store.next_deadline()
    assert deadline is not None
    world.tick(1_000)
    assert not world.store.full
    world.append(log)


def test_a_second_broker_is_refused_while_the_first_one_runs() -> None:
    world = started()
    with pytest.raises(DirectoryInUse):
        LogStore(world.fs, OPTIONS).recover(world.now)


def test_directories_that_cannot_be_read_are_left_and_listed() -> None:
    world = started()
    world.fs.make_dir("mystery-0")
    world.fs.make_dir("lost+found")
    world.fs.open("mystery-0/00000000000000000000.log", create=True)
    world.fs.kill()
    assert world.start().unparsed == ["mystery-0"]
    assert "lost+found" in world.fs.list("")
    world.create("mystery", OS)
    assert [name for name in world.fs.list("") if name.endswith("-stray")] == [f"mystery-0.{0:032x}-stray"]


def test_logs_of_no_topic_are_set_aside_and_deleted_ones_go_after_their_delay() -> None:
    world = started()
    log, stray = world.create("a", replace(SYNC, file_delete_delay_ms=5_000)), world.create("b", SYNC)
    world.append(log)
    world.settle()
    world.store.set_aside(stray)
    world.delete(log)
    world.settle()
    names = world.fs.list("")
    assert f"a-0.{log.topic_id.hex()}-delete" in names
    assert f"b-0.{stray.topic_id.hex()}-stray" in names
    assert world.store.logs == {}
    world.tick(5_000)
    world.settle()
    assert f"a-0.{log.topic_id.hex()}-delete" not in world.fs.list("")
    world.fs.kill()
    world.start()
    assert world.store.logs == {}


def test_a_damaged_checkpoint_costs_a_scan_but_no_data() -> None:
    world = started()
    log, other = world.create("a", SYNC), world.create("b", OS)
    for _ in range(20):
        world.append(log)
        world.append(other)
    world.checkpoint()
    world.append(log)
    world.settle()
    world.fs.flip("neuraxis-checkpoint", 40)
    world.fs.kill()
    assert "is damaged" in world.start().notes[0]
    assert (world.log("a").log_end_offset, world.log("b").log_end_offset) == (42, 40)
    world.check(power=False)


def test_a_segment_that_lost_durable_bytes_is_named_and_the_rest_is_served() -> None:
    world = started()
    log = world.create("a", replace(SYNC, segment_bytes=1 << 20))
    for _ in range(20):
        world.append(log)
    world.checkpoint()
    world.store.close(world.now)
    world.fs.truncate(world.fs.open("a-0/00000000000000000000.log"), 1_000)
    world.fs.kill()
    assert "has lost bytes that were durable" in world.start().notes[0]
    assert 0 < world.log("a").log_end_offset < 40


def test_a_failed_sync_raises_and_is_never_acknowledged() -> None:
    world = started()
    log = world.create("a", SYNC)
    world.settle()
    world.append(log)
    world.fs.fault = lambda operation, path, number: OSError(5, "I/O error") if operation == "sync" else None
    with pytest.raises(StorageFailed, match=r"doing sync: .*I/O error"):
        world.settle()
    assert log.durable_offset == 0
    assert world.store.durable_ticket < world.store.last_ticket


def test_an_ephemeral_store_keeps_no_journal_and_waits_for_nothing() -> None:
    store = LogStore(MemoryFs(), StoreOptions(ephemeral=True))
    now = Now(0, WALL)
    store.recover(now)
    log = store.create_log("a", b"a" * 16, 0, LogSettings(flush_messages=1), now)
    from neuraxis.wire.batch import read_header

    view = memoryview(batch(0))
    assert log.append(view, read_header(view), now) == 0
    assert log.durable_offset == log.log_end_offset == 2
    assert store.take_work() == []
    assert (store.last_ticket, store.durable_ticket) == (0, 0)
    store.close(now)


def test_the_same_seed_gives_the_same_disk() -> None:
    def digest() -> list[str]:
        world = World(7, SimFs())
        world.start()
        log = world.create("a", SYNC)
        for _ in range(20):
            world.append(log)
        world.settle()
        world.fs.power_loss(world.rng)
        world.start()
        return world.fs.trace

    assert digest() == digest()


def test_a_barrier_waits_for_the_files_of_unsynced_logs_and_for_the_ticket_of_synced_ones() -> None:
    world = started()
    sync, plain = world.create("a", SYNC), world.create("b", OS)
    world.settle()
    done: list[str] = []
    world.store.sync_logs([sync, plain], lambda now: done.append("nothing"), world.now)
    world.settle()
    world.append(sync)
    world.append(plain)
    world.store.sync_logs([sync], lambda now: done.append("sync"), world.now)
    world.store.sync_logs([plain], lambda now: done.append("plain"), world.now)
    world.store.sync_logs([sync, plain], lambda now: done.append("both"), world.now)
    assert done == ["nothing"]
    world.take()
    assert sorted(work.kind for work, _ in world.works) == ["barrier", "barrier", "sync"]
    assert all(isinstance(step, Sync) for step in world.works[0][0].steps)
    world.settle()
    assert set(done) == {"nothing", "sync", "plain", "both"}


def test_what_a_barrier_was_for_survives_a_power_cut() -> None:
    for seed in range(30):
        world = started()
        log = world.create("b", OS)
        world.append(log)
        reached: list[int] = []
        world.store.sync_logs(
            [log], lambda now, log=log, reached=reached: reached.append(log.log_end_offset), world.now
        )
        world.settle()
        world.append(log)
        world.fs.power_loss(Random(seed))
        world.start()
        assert reached == [2]
        assert world.log("b").log_end_offset >= 2


def test_a_barrier_over_logs_that_are_gone_is_reached_at_once() -> None:
    world = started()
    log = world.create("b", OS)
    world.append(log)
    world.delete(log)
    done: list[int] = []
    world.store.sync_logs([log], lambda now: done.append(1), world.now)
    assert done == [1]


def test_what_is_synced_of_a_new_log_is_durable_only_when_the_journal_knows_the_log() -> None:
    world = started()
    log = world.create("a", OS)
    world.append(log)
    created, reached = world.store.last_ticket, list[int]()
    world.store.sync_logs([log], lambda now: reached.append(world.store.durable_ticket), world.now)
    world.settle()
    assert reached
    assert reached[0] >= created
