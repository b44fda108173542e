from __future__ import annotations

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.end_txn import EndTxnRequest
from tests.broker.harness import CoreHarness
from tests.broker.transactional import OLD, Client, committed


def open_transaction(durability: str = "sync") -> tuple[CoreHarness, Client]:
    broker = CoreHarness(durability)
    broker.create_topic("t")
    client = Client(broker, protocol=OLD)
    assert client.init() == 0
    assert client.write(b"v") == 0
    return broker, client


@pytest.mark.parametrize("durability", ["sync", "os"])
@pytest.mark.parametrize("version", range(6))
def test_every_version_ends_the_transaction(version: int, durability: str) -> None:
    broker, client = open_transaction(durability)
    answer = client.peer.request(EndTxnRequest(client.name, *client.who, True), version)
    assert answer.error_code == 0
    assert committed(broker) == [b"v"]
    told = (answer.producer_id, answer.producer_epoch)
    assert told == ((client.who[0], 1) if version >= 5 else (-1, -1))


def test_without_transactional_ids_there_is_nothing_to_end() -> None:
    peer = CoreHarness().connect()
    assert peer.request(EndTxnRequest("", 1, 0, True), 3).error_code == ErrorCode.INVALID_REQUEST
    code = peer.request(EndTxnRequest("x", 1, 0, True), 3).error_code
    assert code == ErrorCode.INVALID_PRODUCER_ID_MAPPING


def test_under_sync_the_answer_waits_for_one_sync() -> None:
    broker, client = open_transaction()
    broker.works_wait = True
    client.ask_to_end(True)
    assert [work.kind for work in broker.works] == ["sync"]
    broker.do_work()
    assert client.ended() == 0


def test_without_the_journal_each_step_is_on_disk_before_the_next() -> None:
    broker, client = open_transaction("os")
    broker.works_wait = True
    client.ask_to_end(True)
    seen = []
    for _ in range(4):
        state = broker.node.transactions.shards[0].state.transactions[client.name]
        seen.append((state.phase.title, broker.partition("t").log_end_offset))
        assert [work.kind for work in broker.works] == ["barrier"]
        assert client.peer.answers() == []
        broker.do_work()
    assert seen == [
        ("Ongoing", 1), ("PrepareCommit", 1), ("PrepareCommit", 2), ("CompleteCommit", 2),
    ]  # fmt: skip
    assert client.ended() == 0


def test_a_client_that_leaves_does_not_stop_the_end() -> None:
    broker, client = open_transaction("os")
    broker.works_wait = True
    client.ask_to_end(True)
    client.peer.disconnect()
    broker.do_works()
    broker.works_wait = False
    assert committed(broker) == [b"v"]
