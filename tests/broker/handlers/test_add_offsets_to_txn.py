from __future__ import annotations

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from neuraxis.wire.messages.describe_transactions import DescribeTransactionsRequest
from tests.broker.harness import CoreHarness
from tests.broker.transactional import OLD, Client


@pytest.mark.parametrize("version", range(5))
def test_the_partition_of_the_group_joins(version: int) -> None:
    client = Client(CoreHarness(), protocol=OLD)
    assert client.init() == 0
    assert client.peer.request(AddOffsetsToTxnRequest(client.name, *client.who, "g"), version).error_code == 0
    (found,) = client.peer.request(DescribeTransactionsRequest([client.name]), 0).transaction_states
    assert [(topic.topic, topic.partitions) for topic in found.topics] == [("__consumer_offsets", [0])]


@pytest.mark.parametrize(("version", "code"), [(1, 47), (2, 90)])
def test_a_zombie_is_fenced(version: int, code: int) -> None:
    client = Client(CoreHarness(), protocol=OLD)
    assert client.init() == 0
    old = client.who
    assert client.init() == 0
    assert client.peer.request(AddOffsetsToTxnRequest(client.name, *old, "g"), version).error_code == code


def test_before_anybody_has_a_transactional_id_none_is_known() -> None:
    peer = CoreHarness().connect()
    code = peer.request(AddOffsetsToTxnRequest("x", 1, 0, "g"), 0).error_code
    assert code == ErrorCode.INVALID_PRODUCER_ID_MAPPING
