from __future__ import annotations

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from neuraxis.wire.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
)
from tests.broker.harness import CoreHarness
from tests.broker.transactional import Client, position


def started() -> tuple[CoreHarness, Client]:
    broker = CoreHarness()
    broker.create_topic("t")
    client = Client(broker)
    assert client.init() == 0
    return broker, client


def commit(
    broker: CoreHarness, client: Client, version: int, group: str = "g", name: str = "t", index: int = 0
) -> int:
    topic_id = broker.node.topics["t"].topic_id if version >= 6 and name == "t" else bytes(16)
    asked = [TxnOffsetCommitRequestPartition(index, 5, -1, "m")]
    topics = [TxnOffsetCommitRequestTopic(name if version < 6 else "", topic_id, asked)]
    request = TxnOffsetCommitRequest(client.name, group, *client.who, -1, "", None, topics)
    answer = client.peer.request(request, version)
    assert answer.topics[0].topic_id == topic_id
    code: int = answer.topics[0].partitions[0].error_code
    return code


@pytest.mark.parametrize("version", range(7))
def test_every_version_stores_positions(version: int) -> None:
    broker, client = started()
    if version < 5:
        not_joined = ErrorCode.INVALID_TXN_STATE if version < 4 else ErrorCode.TRANSACTION_ABORTABLE
        assert commit(broker, client, version) == not_joined
        assert client.peer.request(AddOffsetsToTxnRequest(client.name, *client.who, "g"), 3).error_code == 0
    assert commit(broker, client, version) == 0
    assert position(broker) == -88
    assert client.end() == 0
    assert position(broker) == 5


def test_what_does_not_exist_does_not_begin_a_transaction() -> None:
    broker, client = started()
    assert commit(broker, client, 5, name="nowhere") == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert commit(broker, client, 5, index=7) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert commit(broker, client, 6, name="nowhere") == ErrorCode.UNKNOWN_TOPIC_ID
    assert commit(broker, client, 5, group="") == ErrorCode.INVALID_GROUP_ID
    assert client.state()[0] == "Empty"


def test_a_full_disk_takes_no_positions() -> None:
    broker, client = started()
    broker.store.full = True
    assert commit(broker, client, 5) == ErrorCode.KAFKA_STORAGE_ERROR


def test_a_producer_that_a_marker_has_fenced_past_the_coordinator_is_refused() -> None:
    broker, client = started()
    shard = broker.node.group_shard("g", broker.now)
    broker.node.transactions.end(
        shard.partition,
        (client.who[0], 9),
        commit=False,
        coordinator_epoch=0,
        must_rise=False,
        now=broker.now,
    )
    assert commit(broker, client, 5) == ErrorCode.INVALID_PRODUCER_EPOCH


@pytest.mark.parametrize("version", range(7))
def test_partitions_that_do_not_exist_are_told_so_whatever_the_others_are_refused_for(version: int) -> None:
    broker, client = started()
    topic_id = broker.node.topics["t"].topic_id
    asked = [TxnOffsetCommitRequestPartition(index, 5, -1, "m") for index in (0, 7)]
    topics = [
        TxnOffsetCommitRequestTopic("t", topic_id, asked),
        TxnOffsetCommitRequestTopic("t", topic_id, []),
        TxnOffsetCommitRequestTopic("nowhere", bytes(range(16)), asked[:1]),
    ]
    request = TxnOffsetCommitRequest(client.name, "", *client.who, -1, "", None, topics)
    answer = client.peer.request(request, version)
    assert [[each.error_code for each in topic.partitions] for topic in answer.topics] == [
        [ErrorCode.INVALID_GROUP_ID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
        [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if version < 6 else ErrorCode.UNKNOWN_TOPIC_ID],
    ]
