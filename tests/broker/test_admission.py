"""Which transactional batches may be written, and what partitions join by being written to."""

from __future__ import annotations

import pytest

from neuraxis.broker.admission import is_transactional
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.produce import PartitionProduceData
from tests.broker.harness import CoreHarness, batch_of, produce_request
from tests.broker.transactional import NEW, OLD, Client


def started(**kafka: str) -> CoreHarness:
    broker = CoreHarness(**kafka)
    broker.create_topic("t", 2)
    return broker


def code_of(
    client: Client, version: int, *, name: str | None = "payments", epoch: int | None = None, index: int = 0
) -> int:
    producer_id, current = client.who
    batch = batch_of(
        b"v",
        producer_id=producer_id,
        producer_epoch=current if epoch is None else epoch,
        base_sequence=0,
        transactional=True,
    )
    request = produce_request("t", batch, index)
    request.transactional_id = name
    answer = client.peer.request(request, version)
    code: int = answer.responses[0].partition_responses[0].error_code
    return code


@pytest.mark.parametrize(("version", "code"), [(3, 48), (10, 48), (11, 120)])
def test_in_the_old_protocol_a_partition_must_have_joined(version: int, code: int) -> None:
    client = Client(started(), protocol=OLD)
    assert client.init() == 0
    assert code_of(client, version) == code
    assert client.add("t") == 0
    assert code_of(client, version) == 0
    assert code_of(client, version, index=1) == code


def test_in_the_new_protocol_it_joins_by_itself() -> None:
    client = Client(started())
    assert client.init() == 0
    assert code_of(client, 12) == 0
    assert client.state()[0] == "Ongoing"
    assert code_of(client, 12, epoch=4, index=1) == ErrorCode.INVALID_PRODUCER_EPOCH


@pytest.mark.parametrize(("version", "code"), [(11, 19), (12, 51)])
def test_while_the_transaction_is_being_ended_the_client_tries_again(version: int, code: int) -> None:
    broker = CoreHarness("os")
    broker.create_topic("t", 2)
    client = Client(broker, protocol=NEW if version >= 12 else OLD)
    assert client.init() == 0
    assert client.write(b"v") == 0
    broker.works_wait = True
    client.ask_to_end(True)
    other = Client(broker)
    other.who = client.who
    assert code_of(other, version, index=1) == code


def test_without_the_transactional_id_nothing_transactional_is_written() -> None:
    client = Client(started())
    assert client.init() == 0
    for version in (9, 12):
        assert code_of(client, version, name=None) == ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    assert code_of(client, 12, name="") == ErrorCode.INVALID_REQUEST
    assert code_of(client, 12, name="nobody") == ErrorCode.INVALID_PRODUCER_ID_MAPPING


def test_the_check_of_the_old_protocol_can_be_switched_off() -> None:
    client = Client(started(transaction_partition_verification_enable="false"), protocol=OLD)
    assert client.init() == 0
    assert code_of(client, 9) == 0


def test_a_request_speaks_for_one_producer() -> None:
    client = Client(started())
    assert client.init() == 0
    request = produce_request(
        "t", batch_of(b"v", producer_id=5, producer_epoch=0, base_sequence=0, transactional=True)
    )
    other = batch_of(b"v", producer_id=6, producer_epoch=0, base_sequence=0, transactional=True)
    request.topic_data[0].partition_data.append(PartitionProduceData(1, other))
    request.transactional_id = client.name
    partitions = client.peer.request(request, 12).responses[0].partition_responses
    assert [each.error_code for each in partitions] == [ErrorCode.INVALID_PRODUCER_ID_MAPPING] * 2


def test_the_bit_is_looked_at_only_where_there_is_a_header() -> None:
    batch = batch_of(b"v", producer_id=5, producer_epoch=0, base_sequence=0, transactional=True)
    assert is_transactional(PartitionProduceData(0, memoryview(batch)))
    assert not is_transactional(PartitionProduceData(0, memoryview(batch_of(b"v"))))
    assert not is_transactional(PartitionProduceData(0, memoryview(batch)[:40]))
    assert not is_transactional(PartitionProduceData(0, None))
