from __future__ import annotations

from dataclasses import replace

from neuraxis.broker.log.checkpoint import entry_from
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.begin_backup import BeginBackupRequest
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from tests.broker.harness import CoreHarness


def on_a_disk() -> CoreHarness:
    broker = CoreHarness()
    broker.node.config = replace(broker.config, data_dir="/var/lib/neuraxis")
    return broker


def test_every_log_is_named_with_its_lengths_and_is_held() -> None:
    broker = on_a_disk()
    broker.create_topic("drives", partitions=2)
    answer = broker.connect().request(BeginBackupRequest(hold_ms=5_000), 0)
    assert answer.error_code == 0
    assert (answer.data_dir, answer.time_ms) == ("/var/lib/neuraxis", broker.now.wall_ms)
    assert len(broker.store.holds) == 1
    logs = {(log.topic, log.partition): log for log in answer.logs}
    assert ("drives", 1) in logs
    catalogue = logs["__neuraxis_catalogue", 0]
    assert catalogue.log_end_offset > 0
    assert catalogue.segments[0].log_bytes == broker.store.logs[bytes(catalogue.topic_id), 0].size
    assert entry_from(catalogue.entry).recovery_point == catalogue.log_end_offset
    broker.advance(6_000)
    assert len(broker.store.holds) == 0


def test_a_hold_of_no_time_is_refused() -> None:
    answer = on_a_disk().connect().request(BeginBackupRequest(hold_ms=0), 0)
    assert answer.error_code == ErrorCode.INVALID_REQUEST


def test_a_broker_in_memory_has_no_files() -> None:
    answer = CoreHarness().connect().request(BeginBackupRequest(hold_ms=5_000), 0)
    assert answer.error_code == ErrorCode.INVALID_REQUEST
    assert "in memory" in answer.error_message


def test_the_answer_waits_until_what_it_names_is_durable() -> None:
    broker = on_a_disk()
    broker.works_wait = True
    broker.connect().send(CreateTopicsRequest(topics=[CreatableTopic("drives", 1, 1)], timeout_ms=1_000), 7)
    peer = broker.connect()
    peer.send(BeginBackupRequest(hold_ms=5_000), 0)
    assert peer.answers() == []
    broker.do_works()
    ((_, answer),) = peer.answers()
    assert answer.error_code == 0
