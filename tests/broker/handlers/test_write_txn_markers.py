from __future__ import annotations

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
)
from tests.broker.harness import CoreHarness
from tests.broker.transactional import Client, committed, position


def started() -> tuple[CoreHarness, Client]:
    broker = CoreHarness()
    broker.create_topic("t")
    client = Client(broker)
    assert client.init() == 0
    assert client.write(b"v") == 0
    return broker, client


def mark(
    client: Client, *, epoch: int = 0, commit: bool = False, topic: str = "t", version: int = 1, kind: int = 0
) -> int:
    topics = [WritableTxnMarkerTopic(topic, [0])]
    marker = WritableTxnMarker(client.who[0], epoch, commit, topics, 0, kind)
    answer = client.peer.request(WriteTxnMarkersRequest([marker]), version)
    code: int = answer.markers[0].topics[0].partitions[0].error_code
    return code


@pytest.mark.parametrize("version", [1, 2])
def test_a_marker_ends_what_hangs(version: int) -> None:
    broker, client = started()
    assert mark(client, version=version) == 0
    assert committed(broker) == []
    assert broker.partition("t").last_stable_offset == 2


def test_in_the_new_protocol_the_epoch_must_rise() -> None:
    broker, client = started()
    assert mark(client, version=2, kind=2) == ErrorCode.INVALID_PRODUCER_EPOCH
    assert mark(client, version=2, kind=2, epoch=1, commit=True) == 0
    assert committed(broker) == [b"v"]


def test_markers_of_positions_count_for_the_group() -> None:
    broker, client = started()
    assert client.offset(5) == 0
    assert mark(client, commit=True, topic="__consumer_offsets") == 0
    assert position(broker) == 5


def test_what_is_not_there_or_not_to_be_written_is_refused() -> None:
    _, client = started()
    assert mark(client, topic="nowhere") == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert mark(client, topic="__transaction_state") == ErrorCode.INVALID_TOPIC_EXCEPTION


@pytest.mark.parametrize(("producer_id", "epoch", "kind"), [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_nobodys_marker_is_refused_and_not_written(producer_id: int, epoch: int, kind: int) -> None:
    broker, client = started()
    before = broker.partition("t").log_end_offset
    topics = [WritableTxnMarkerTopic("t", [0])]
    marker = WritableTxnMarker(client.who[0] if producer_id == 0 else -1, epoch, True, topics, 0, kind)
    answer = client.peer.request(WriteTxnMarkersRequest([marker]), 2)
    assert answer.markers[0].topics[0].partitions[0].error_code == ErrorCode.INVALID_REQUEST
    assert broker.partition("t").log_end_offset == before


def test_a_marker_without_partitions_is_left_out_of_the_answer() -> None:
    _, client = started()
    markers = [
        WritableTxnMarker(client.who[0], 0, True, [], 0, 0),
        WritableTxnMarker(client.who[0], 0, True, [WritableTxnMarkerTopic("t", [])], 0, 0),
    ]
    assert client.peer.request(WriteTxnMarkersRequest(markers), 2).markers == []
