from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.coordinators.topics.machine import PRODUCER_ID_BLOCK
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from tests.broker.harness import CoreHarness, Peer


def ask(peer: Peer, version: int = 5, transactional_id: str | None = None) -> Any:
    return peer.request(InitProducerIdRequest(transactional_id, transaction_timeout_ms=1_000), version)


@pytest.mark.parametrize("version", range(6))
def test_every_version_hands_out_an_id_with_epoch_0(version: int) -> None:
    answer = ask(CoreHarness().connect(), version)
    assert (answer.error_code, answer.producer_epoch) == (0, 0)
    assert answer.producer_id >= 0


def test_no_id_is_handed_out_twice_across_blocks_connections_and_restarts() -> None:
    broker = CoreHarness()
    seen: list[int] = []
    for _ in range(2):
        peer = broker.connect()
        seen += [ask(peer).producer_id for _ in range(PRODUCER_ID_BLOCK // 2 + 5)]
    for _ in range(3):
        broker = CoreHarness(fs=broker.fs)
        seen += [ask(broker.connect()).producer_id for _ in range(3)]
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen)


@pytest.mark.parametrize("durability", ["sync", "os"])
def test_the_first_id_of_a_block_waits_until_the_block_is_reserved_on_disk(durability: str) -> None:
    broker = CoreHarness(durability, works_wait=True)
    peer = broker.connect()
    peer.send(InitProducerIdRequest(None), 5)
    assert peer.answers() == []
    broker.do_works()
    assert len(peer.answers()) == 1
    assert ask(peer).error_code == 0, "the next ids of the block are at hand"


@pytest.mark.parametrize("version", range(6))
def test_a_transactional_id_keeps_its_producer_id_and_each_producer_gets_the_next_epoch(version: int) -> None:
    peer = CoreHarness().connect()
    first, second = (ask(peer, version, "payments") for _ in range(2))
    assert (first.error_code, first.producer_epoch) == (0, 0)
    assert (second.error_code, second.producer_id, second.producer_epoch) == (0, first.producer_id, 1)
    assert ask(peer, version, "").error_code == ErrorCode.INVALID_REQUEST


def test_an_id_without_an_epoch_and_an_epoch_without_an_id_are_refused() -> None:
    peer = CoreHarness().connect()
    for producer_id, epoch in ((5, -1), (-1, 5)):
        answer = peer.request(InitProducerIdRequest("payments", 1_000, producer_id, epoch), 4)
        assert (answer.error_code, answer.producer_id) == (ErrorCode.INVALID_REQUEST, -1)


@pytest.mark.parametrize("durability", ["sync", "os"])
def test_an_epoch_is_on_disk_before_it_is_handed_out(durability: str) -> None:
    broker = CoreHarness(durability)
    peer = broker.connect()
    assert ask(peer, transactional_id="payments").error_code == 0
    broker.works_wait = True
    peer.send(InitProducerIdRequest("payments", 1_000), 4)
    assert peer.answers() == []
    broker.do_works()
    assert len(peer.answers()) == 1


def test_a_full_disk_hands_out_no_ids() -> None:
    broker = CoreHarness()
    broker.store.full = True
    answer = ask(broker.connect())
    assert (answer.error_code, answer.producer_id) == (ErrorCode.KAFKA_STORAGE_ERROR, -1)


@pytest.mark.parametrize("version", [3, 5])
def test_a_producer_id_and_an_epoch_that_nobody_has_are_fenced_and_without_a_transactional_id_of_no_account(
    version: int,
) -> None:
    peer = CoreHarness().connect()
    known = ask(peer, version, "payments")
    for producer_id, epoch in ((-2, 0), (known.producer_id, -2)):
        answer = peer.request(InitProducerIdRequest("payments", 1_000, producer_id, epoch), version)
        assert answer.error_code == (
            ErrorCode.PRODUCER_FENCED if version >= 4 else ErrorCode.INVALID_PRODUCER_EPOCH
        )
        assert peer.request(InitProducerIdRequest(None, 1_000, producer_id, epoch), version).error_code == 0
