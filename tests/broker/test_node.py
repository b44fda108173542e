from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.log.settings import Durability
from neuraxis.broker.node import CATALOGUE_TOPIC, OFFSETS_TOPIC, java_hash
from neuraxis.broker.session import Session
from neuraxis.wire.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from neuraxis.wire.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest
from neuraxis.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from neuraxis.wire.messages.metadata import MetadataRequest
from tests.broker.harness import CoreHarness, batch_of, values_of


def offsets_shard(broker: CoreHarness, group_id: str = "g") -> Any:
    shard = broker.node.group_shard(group_id, broker.now)
    broker.settle()
    return shard


def set_config(broker: CoreHarness, topic: str, name: str, value: str) -> None:
    change = AlterableConfig(name=name, config_operation=0, value=value)
    resource = AlterConfigsResource(resource_type=2, resource_name=topic, configs=[change])
    answer = broker.connect().request(IncrementalAlterConfigsRequest(resources=[resource]), 1)
    assert answer.responses[0].error_code == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 0), ("a", 97), ("Aa", 2112), ("BB", 2112), ("hello", 99162322), ("polygenelubricants", 0)],
)
def test_the_coordinators_partition_is_javas_hash_of_the_group_id(text: str, value: int) -> None:
    """`polygenelubricants` is the classic string whose Java hash is -2**31: the sign bit is cleared, not negated."""
    assert java_hash(text) == value


def test_the_hash_of_a_character_beyond_the_first_plane_is_that_of_its_two_halves() -> None:
    assert java_hash("\U0001f600") == (31 * 0xD83D + 0xDE00) & 0x7FFFFFFF


def test_topics_configs_ids_and_data_are_there_after_a_restart() -> None:
    broker = CoreHarness()
    broker.create_topic("drives", partitions=3, retention_ms="1234567")
    broker.connect().produce("drives", batch_of(b"a"), index=2)
    topic_id = broker.node.topics["drives"].topic_id
    again = CoreHarness(fs=broker.fs)
    topic = again.node.topics["drives"]
    assert (topic.topic_id, len(topic.partitions)) == (topic_id, 3)
    assert topic.config.log.retention_ms == 1234567
    assert again.node.topics_by_id[topic_id] is topic
    assert values_of(again.connect().fetch("drives", index=2).records) == [b"a"]
    assert again.node.cluster_id == broker.node.cluster_id


def test_a_deleted_topic_is_gone_after_a_restart_and_its_name_is_free_for_another() -> None:
    broker = CoreHarness()
    broker.create_topic("drives")
    first = broker.node.topics["drives"].topic_id
    broker.connect().produce("drives", batch_of(b"old"))
    broker.connect().request(DeleteTopicsRequest(topic_names=["drives"], timeout_ms=1_000), 5)
    assert broker.node.partition("drives", 0) is None
    assert "drives" not in CoreHarness(fs=broker.fs).node.topics
    again = CoreHarness(fs=broker.fs)
    again.create_topic("drives")
    assert again.node.topics["drives"].topic_id != first
    assert again.connect().fetch("drives").records == b""


def test_a_topic_grows_and_stays_grown() -> None:
    broker = CoreHarness()
    broker.create_topic("drives", partitions=1)
    grow = CreatePartitionsTopic(name="drives", count=4, assignments=None)
    broker.connect().request(CreatePartitionsRequest(topics=[grow], timeout_ms=1_000), 3)
    assert broker.node.partition("drives", 3) is not None
    assert broker.node.partition("drives", 4) is None
    assert CoreHarness(fs=broker.fs).node.partition("drives", 3) is not None


def test_deleted_records_stay_deleted_after_a_restart() -> None:
    broker = CoreHarness()
    broker.create_topic("drives")
    peer = broker.connect()
    for value in (b"a", b"b", b"c"):
        peer.produce("drives", batch_of(value))
    trim = DeleteRecordsTopic(name="drives", partitions=[DeleteRecordsPartition(partition_index=0, offset=2)])
    peer.request(DeleteRecordsRequest(topics=[trim], timeout_ms=1_000), 2)
    again = CoreHarness(fs=broker.fs)
    assert again.partition("drives").log_start_offset == 2
    assert values_of(again.connect().fetch("drives", offset=2).records) == [b"c"]


def test_a_log_that_belongs_to_no_topic_is_set_aside_and_never_removed() -> None:
    broker = CoreHarness()
    broker.create_topic("drives")
    log = broker.store.create_log(
        "stray", bytes(range(16)), 0, broker.node.topics["drives"].config.log, broker.now
    )
    assert log.directory == "stray-0"
    again = CoreHarness(fs=broker.fs)
    assert (bytes(range(16)), 0) not in again.store.logs
    kept = [name for name in again.fs.list("") if name.startswith("stray-0.")]
    assert len(kept) == 1
    again.advance(3_600_000)
    assert kept[0] in again.fs.list("")


def test_the_catalogue_is_synced_under_every_policy_and_never_shown() -> None:
    broker = CoreHarness("os")
    assert broker.node.catalogue.partition.log.durability is Durability.SYNC
    metadata = broker.connect().request(MetadataRequest(topics=None), 9)
    assert CATALOGUE_TOPIC not in [each.name for each in metadata.topics]


def test_the_offsets_topic_is_made_at_its_first_use_with_one_partition_and_compacted() -> None:
    broker = CoreHarness()
    assert OFFSETS_TOPIC not in broker.node.topics
    shard = offsets_shard(broker)
    topic = broker.node.topics[OFFSETS_TOPIC]
    assert topic.internal
    assert len(topic.partitions) == 1
    assert topic.config.compacted
    assert offsets_shard(broker, "another") is shard
    again = CoreHarness(fs=broker.fs)
    assert len(again.node.group_shards) == 1


def test_internal_topics_are_as_strong_as_the_strongest_topic() -> None:
    broker = CoreHarness("os")
    offsets_shard(broker)
    log = broker.partition(OFFSETS_TOPIC).log
    assert log.durability is Durability.OS
    broker.create_topic("payments", flush_messages="1")
    assert log.durability is Durability.SYNC


def test_internal_topics_follow_a_topic_that_becomes_stronger_later() -> None:
    broker = CoreHarness("os")
    offsets_shard(broker)
    broker.create_topic("payments")
    assert broker.partition(OFFSETS_TOPIC).log.durability is Durability.OS
    set_config(broker, "payments", "flush.messages", "1")
    assert broker.partition(OFFSETS_TOPIC).log.durability is Durability.SYNC


def test_a_config_changed_at_run_time_reaches_the_log() -> None:
    broker = CoreHarness()
    broker.create_topic("drives")
    set_config(broker, "drives", "segment.bytes", "2097152")
    assert broker.partition("drives").log.settings.segment_bytes == 2097152


def test_a_client_is_told_the_address_of_the_listener_it_came_in_by() -> None:
    broker = CoreHarness()
    known = Session(1, "PLAINTEXT", "h", 1)
    unknown = Session(2, "GONE", "h", 1)
    assert broker.node.listener_of(known).advertised_host == "broker.test"
    assert broker.node.listener_of(unknown).advertised_host == "broker.test"


class ScriptedEntropy:
    """Hands out the given bytes in turn."""

    def __init__(self, *ids: bytes) -> None:
        self.ids = list(ids)

    def token_bytes(self, count: int, /) -> bytes:
        assert count == 16
        return self.ids.pop(0)


def test_a_new_id_never_begins_with_a_dash_and_is_none_of_kafkas_reserved_ones() -> None:
    broker = CoreHarness()
    good = bytes([1]) * 16
    dash, zero, one = bytes([62 << 2]) + bytes(15), bytes(16), bytes(15) + b"\1"
    broker.node.entropy = ScriptedEntropy(dash, zero, one, good)
    assert broker.node.new_uuid() == good
