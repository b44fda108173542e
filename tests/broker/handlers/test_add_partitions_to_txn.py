from __future__ import annotations

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
)
from tests.broker.harness import CoreHarness
from tests.broker.transactional import OLD, Client


def started() -> tuple[CoreHarness, Client]:
    broker = CoreHarness()
    broker.create_topic("t", 2)
    client = Client(broker, protocol=OLD)
    assert client.init() == 0
    return broker, client


@pytest.mark.parametrize("version", range(4))
def test_every_version_of_the_clients_lets_partitions_join(version: int) -> None:
    _, client = started()
    topics = [AddPartitionsToTxnTopic("t", [0, 1])]
    answer = client.peer.request(AddPartitionsToTxnRequest([], client.name, *client.who, topics), version)
    (topic,) = answer.results_by_topic_v3_and_below
    codes = {each.partition_index: each.partition_error_code for each in topic.results_by_partition}
    assert codes == {0: 0, 1: 0}
    assert client.state()[0] == "Ongoing"


def test_one_missing_partition_keeps_the_others_out() -> None:
    _, client = started()
    topics = [AddPartitionsToTxnTopic("t", [0, 7])]
    answer = client.peer.request(AddPartitionsToTxnRequest([], client.name, *client.who, topics), 3)
    (topic,) = answer.results_by_topic_v3_and_below
    codes = {each.partition_index: each.partition_error_code for each in topic.results_by_partition}
    assert codes == {0: ErrorCode.OPERATION_NOT_ATTEMPTED, 7: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    assert client.state()[0] == "Empty"


@pytest.mark.parametrize("version", [4, 5])
def test_several_transactions_in_one_request(version: int) -> None:
    _, client = started()
    topics = [AddPartitionsToTxnTopic("t", [0])]
    asked = [
        AddPartitionsToTxnTransaction(client.name, *client.who, True, topics),
        AddPartitionsToTxnTransaction(client.name, *client.who, False, topics),
        AddPartitionsToTxnTransaction(client.name, *client.who, True, topics),
        AddPartitionsToTxnTransaction("nobody", *client.who, False, topics),
    ]
    answer = client.peer.request(AddPartitionsToTxnRequest(asked), version)
    codes = [
        result.topic_results[0].results_by_partition[0].partition_error_code
        for result in answer.results_by_transaction
    ]
    assert codes == [ErrorCode.TRANSACTION_ABORTABLE, 0, 0, ErrorCode.INVALID_PRODUCER_ID_MAPPING]


def test_an_older_connection_is_closed() -> None:
    broker, client = started()
    older, client.peer = client.peer, broker.connect()
    assert client.add("t") == 0
    older.send(
        AddPartitionsToTxnRequest([], client.name, *client.who, [AddPartitionsToTxnTopic("t", [1])]), 3
    )
    assert older.answers() == []
    assert older.session.closing is not None
