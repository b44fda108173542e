from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.describe_producers import DescribeProducersRequest, TopicRequest
from tests.broker.harness import CoreHarness, batch_of
from tests.broker.transactional import Client


def test_producers_are_shown_with_their_sequences_and_open_transactions() -> None:
    broker = CoreHarness()
    broker.create_topic("t")
    client = Client(broker)
    assert client.init() == 0
    client.peer.produce("t", batch_of(b"p", producer_id=4_711, producer_epoch=2, base_sequence=6))
    assert client.write(b"v", b"w") == 0
    answer = client.peer.request(DescribeProducersRequest([TopicRequest("t", [0, 1])]), 0)
    first, second = answer.topics[0].partitions
    shown = {
        each.producer_id: (each.producer_epoch, each.last_sequence, each.current_txn_start_offset)
        for each in first.active_producers
    }
    assert shown == {4_711: (2, 6, -1), client.who[0]: (0, 1, 1)}
    assert second.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_name_that_no_topic_can_have_is_17() -> None:
    peer = CoreHarness().connect()
    answer = peer.request(
        DescribeProducersRequest([TopicRequest("bad name!", [0]), TopicRequest("nowhere", [0])]), 0
    )
    assert [topic.partitions[0].error_code for topic in answer.topics] == [
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
