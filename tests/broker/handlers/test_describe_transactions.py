from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.describe_transactions import DescribeTransactionsRequest
from tests.broker.harness import WALL_MS, CoreHarness
from tests.broker.transactional import Client


def test_a_transaction_is_shown_with_its_partitions() -> None:
    broker = CoreHarness()
    broker.create_topic("t", 2)
    client = Client(broker)
    assert client.init(7_000) == 0
    assert client.write(b"v", index=1) == 0
    (found,) = client.peer.request(DescribeTransactionsRequest([client.name]), 0).transaction_states
    assert (found.error_code, found.transaction_state, found.transaction_timeout_ms) == (0, "Ongoing", 7_000)
    assert (found.producer_id, found.producer_epoch) == client.who
    assert found.transaction_start_time_ms == WALL_MS + 1_000
    assert [(topic.topic, topic.partitions) for topic in found.topics] == [("t", [1])]


def test_what_is_not_known_is_said_even_before_anything_is() -> None:
    found = CoreHarness().connect().request(DescribeTransactionsRequest(["x", ""]), 0).transaction_states
    assert [each.error_code for each in found] == [
        ErrorCode.TRANSACTIONAL_ID_NOT_FOUND,
        ErrorCode.INVALID_REQUEST,
    ]
