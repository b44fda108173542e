"""After a kill a broker serves before its checkpoint is made; what it promises then outlives a power cut before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from neuraxis.broker.log.deferral import begin_anew
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.journal import bases_of
from tests.broker.log.harness import OS, SYNC, World
from tests.broker.log.test_recovery import SCRIPTS, operations_of, run_until_crash

Script = Callable[[World], None]
LARGE = replace(SYNC, segment_bytes=200_000)


def killed(*topics: str) -> World:
    """A store with logs of both policies, checkpointed, written since, and killed."""
    world = World()
    world.start()
    for topic in topics or ("sync", "os"):
        world.create(topic, OS if topic.endswith("os") else SYNC)
    for _ in range(2):
        for log in list(world.store.logs.values()):
            world.append(log)
        world.checkpoint()
    for log in list(world.store.logs.values()):
        world.append(log)
    world.settle()
    world.fs.kill()
    return world


def operations_of_start(world: World) -> list[str]:
    """What the start does to the disk, without numbers."""
    world.fs.trace.clear()
    world.start()
    return [line.partition(" ")[2] for line in world.fs.trace]


def test_after_a_kill_the_journal_is_synced_and_no_segment_is() -> None:
    world = killed()
    done = operations_of_start(world)
    assert [line for line in done if line.startswith("sync journal/")]
    assert not [line for line in done if "sync" in line.split()[0] and ("sync-0" in line or "os-0" in line)]
    assert not [line for line in done if "neuraxis-checkpoint" in line]
    world.check(power=False)


def test_the_checkpoint_follows_a_second_later_and_lets_the_old_journal_go() -> None:
    world = killed()
    world.start()
    world.append(world.log("sync"))
    world.settle()
    assert len(bases_of(world.fs)) == 2
    world.tick(999)
    world.settle()
    assert len(bases_of(world.fs)) == 2
    world.tick(1)
    world.settle()
    assert len(bases_of(world.fs)) == 1
    world.fs.kill()
    assert world.start().frames == 0


def test_a_start_after_a_power_cut_makes_its_checkpoint_at_once() -> None:
    world = killed()
    world.fs.power_loss(Random(0))
    assert [line for line in operations_of_start(world) if "neuraxis-checkpoint" in line]
    assert bases_of(world.fs) == []


def test_a_system_that_does_not_tell_its_boots_apart_counts_as_one_that_went_down() -> None:
    world = killed()
    world.options = replace(world.options, boot_id="")
    world.start()
    world.fs.kill()
    assert [line for line in operations_of_start(world) if "neuraxis-checkpoint" in line]


def test_where_a_log_has_lost_what_was_durable_the_checkpoint_is_made_at_once() -> None:
    world = killed()
    world.fs.truncate(world.fs.open("os-0/" + f"{0:020d}.log"), 10)
    done = operations_of_start(world)
    assert "has lost bytes that were durable" in world.report.notes[0]
    assert [line for line in done if "neuraxis-checkpoint" in line]


def test_a_broker_that_is_killed_again_and_again_loses_nothing_to_a_power_cut_at_last() -> None:
    world = killed()
    for _ in range(4):
        world.start()
        world.check(power=False)
        world.configure_all()
        world.append(world.log("sync"))
        world.append(world.log("os"))
        world.settle()
        world.fs.kill()
    world.fs.power_loss(Random(1))
    world.start()
    world.check(power=True)
    assert world.log("sync").log_end_offset == 14


def test_what_was_cut_off_an_unsynced_log_is_gone_for_good_before_others_take_its_place() -> None:
    world = killed()
    segment = world.fs.open("os-0/" + f"{0:020d}.log")
    world.fs.write(segment, world.fs.size(segment), b"a batch that was cut short")
    assert f"sync {segment.path}" in operations_of_start(world)


def test_large_batches_are_on_the_disk_before_readers_see_them() -> None:
    world = World()
    world.start()
    log = world.create("a", LARGE)
    world.checkpoint()
    world.append(log, size=70_000, records=1)
    world.fs.kill()  # before its sync: the last process answered nothing yet
    world.start()
    end = world.log("a").durable_offset
    assert end == 1
    world.fs.power_loss(Random(2))
    world.start()
    assert world.log("a").log_end_offset == end


def test_the_decisions_of_a_coordinator_are_durable_whatever_its_policy() -> None:
    world = killed("__transaction_state_os", "os")
    done = operations_of_start(world)
    assert [line for line in done if line.startswith("sync __transaction_state_os-0/")]
    assert not [line for line in done if line.startswith("sync os-0/")]


def test_deleted_logs_are_removed_after_the_start() -> None:
    world = killed("a", "b")
    world.start()
    world.configure_all()
    world.delete(world.log("a"))
    world.take()
    world.settle()
    world.fs.kill()
    world.start()
    assert [name for name in world.fs.list("") if name.startswith("a-0.")]
    world.settle()
    assert not [name for name in world.fs.list("") if name.startswith("a-0.")]


def test_frames_whose_sync_failed_are_written_again_before_anybody_relies_on_them() -> None:
    world = killed("sync")
    world.start()
    world.append(world.log("sync"))
    world.fs.fault = lambda operation, path, number: (
        OSError(5, "injected") if operation == "sync" and path.startswith("journal/") else None
    )
    with pytest.raises(StorageFailed):
        world.settle()
    world.fs.kill()
    world.start()  # the pages of the failed sync still read well
    world.check(power=False)
    world.fs.power_loss(Random(3))
    world.start()
    world.check(power=True)


@pytest.mark.parametrize("lives", [False, True], ids=["at once", "after a little life"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_killed_at_any_operation_then_started_then_a_power_cut(script: Script, lives: bool) -> None:
    for crash_at in range(1, operations_of(script) + 1):
        how = ("before", "after", "half")[crash_at % 3]
        world = run_until_crash(script, crash_at, how)
        try:
            world.fs.kill()
            world.start()
            world.check(power=False)
            if lives:
                world.configure_all()
                for log in list(world.store.logs.values()):
                    if (log.topic_id, log.partition) in world.histories:
                        world.append(log)
                        world.append(log, size=400)
                world.settle()
            world.fs.power_loss(Random(crash_at))
            world.start()
            world.check(power=True)
        except Exception as error:
            error.add_note(f"crash at {crash_at} ({how})")
            raise


@pytest.mark.parametrize("power", [False, True])
def test_logs_that_a_power_cut_took_are_made_again_in_an_epoch_that_stays(power: bool) -> None:
    """Their making is not durable when the first unsynced records are shown: whoever saw these must learn of it."""
    world = killed("sync")
    if power:
        world.options = replace(world.options, boot_id="another")
    report = world.start()
    lost, kept = world.create("lost-os", OS), world.create("new-sync", SYNC)
    begin_anew(world.store, [lost, kept], report, world.now)
    assert (lost.leader_epoch, kept.leader_epoch) == ((1, 0) if power else (0, 0))
    assert ((lost.topic_id, 0) in report.lossy) is power
    world.fs.kill()
    if power:
        world.start()
        assert world.log("lost-os").leader_epoch == 1
