"""Bugs that the simulation found, each as a short scenario of its own."""

from __future__ import annotations

import random

from neuraxis.broker.coordinators.topics.machine import SetTopicConfigs
from neuraxis.broker.log.retention import apply_retention
from neuraxis.broker.log.settings import StoreOptions
from neuraxis.broker.work import Now
from tests.broker.admin_script import trim
from tests.broker.harness import CoreHarness, batch_of, produce_request
from tests.broker.restart import restarted
from tests.simulation.disk import SimFs


class EverythingIsLost(random.Random):
    """A power cut after which no unsynced write is on the disk."""

    def random(self) -> float:
        return 0.99


def test_calls_that_want_no_answer_never_stop_a_connection() -> None:
    harness = CoreHarness(works_wait=True)
    harness.create_topic("a")
    peer = harness.connect()
    for _ in range(100):
        assert peer.session.wants_input
        peer.send(produce_request("a", batch_of(b"x"), acks=0), 12)
    assert not peer.session.pending


def test_records_deleted_on_request_stay_deleted_where_retention_came_first() -> None:
    harness = CoreHarness()
    harness.create_topic("a", retention_ms="1000")
    peer = harness.connect()
    for _ in range(5):
        peer.produce("a", batch_of(b"x"))
    log = harness.partition("a").log
    harness.now = Now(harness.now.mono_ms, harness.now.wall_ms + 5_000)
    apply_retention(log, harness.now)
    assert log.log_start_offset == 0  # until a checkpoint has made it durable
    answer = peer.request(trim(("a", [(0, 3)])), 2)
    assert answer.topics[0].partitions[0].error_code == 0
    assert restarted(harness, clean=False).partition("a").log_start_offset >= 3


def test_an_unsynced_log_that_lost_its_end_below_deleted_records_keeps_what_comes_then() -> None:
    fs = SimFs()
    harness = CoreHarness("os", fs=fs)
    harness.create_topic("a")
    peer = harness.connect()
    for _ in range(5):
        peer.produce("a", batch_of(b"old"))
    peer.request(trim(("a", [(0, 4)])), 2)
    fs.power_loss(EverythingIsLost())
    after_the_cut = CoreHarness("os", fs=fs)
    assert after_the_cut.partition("a").log_end_offset == 0
    after_the_cut.connect().produce("a", batch_of(b"new"))
    fs.kill()
    partition = CoreHarness("os", fs=fs).partition("a")
    assert (partition.log_start_offset, partition.log_end_offset) == (0, 1)


def test_a_leader_epoch_that_rose_after_a_power_cut_does_not_fall_back_when_the_process_is_killed() -> None:
    fs = SimFs()
    harness = CoreHarness("os", fs=fs, options=StoreOptions(boot_id="first"))
    harness.create_topic("a")
    harness.connect().produce("a", batch_of(b"lost"))
    fs.power_loss(EverythingIsLost())
    for _ in range(2):
        partition = CoreHarness("os", fs=fs, options=StoreOptions(boot_id="second")).partition("a")
        assert (partition.log_end_offset, partition.leader_epoch) == (0, 1)
        fs.kill()


def test_a_change_to_sync_that_a_power_cut_takes_half_back_still_raises_the_leader_epoch() -> None:
    fs = SimFs()
    harness = CoreHarness("os", fs=fs, options=StoreOptions(boot_id="first"))
    harness.create_topic("a")
    harness.connect().produce("a", batch_of(b"lost"))
    # The catalogue's record of the change reaches the disk, what follows from it for the log does not.
    harness.node.catalogue.execute(SetTopicConfigs("a", {"flush.messages": "1"}), None, harness.now)
    harness.do_works()
    fs.power_loss(EverythingIsLost())
    partition = CoreHarness("os", fs=fs, options=StoreOptions(boot_id="second")).partition("a")
    assert (partition.log_end_offset, partition.leader_epoch) == (0, 1)
