"""InitProducerId: epochs, fencing, retries, and epochs that are used up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neuraxis.broker.coordinators.transaction import settings
from neuraxis.broker.coordinators.transaction.facts import Phase, TransactionFact
from neuraxis.broker.coordinators.transaction.init import needs_producer_id
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.init_producer_id import InitProducerIdResponse
from tests.broker.coordinators.transaction.world import NAME, P0, World


def outcome(answer: InitProducerIdResponse) -> tuple[int, int, int]:
    return answer.error_code, answer.producer_id, answer.producer_epoch


def test_the_first_epoch_is_0_and_each_new_producer_gets_the_next() -> None:
    world = World()
    assert outcome(world.init()) == (0, 100, 0)
    assert outcome(world.init()) == (0, 100, 1)
    assert outcome(world.init("other"))[1] != 100
    world.restart()
    assert outcome(world.init()) == (0, 100, 2)


@pytest.mark.parametrize("timeout_ms", [0, -1, 900_001])
def test_a_timeout_out_of_bounds_is_refused(timeout_ms: int) -> None:
    world = World()
    assert world.init(timeout_ms=timeout_ms).error_code == ErrorCode.INVALID_TRANSACTION_TIMEOUT
    assert not world.state.transactions


def test_a_producer_that_goes_on_gets_the_next_epoch_once() -> None:
    world = World()
    world.init()
    assert outcome(world.init(expected=(100, 0))) == (0, 100, 1)
    assert outcome(world.init(expected=(100, 0))) == (0, 100, 1), "the retry of a lost answer"
    assert outcome(world.init(expected=(100, 1))) == (0, 100, 2)


@pytest.mark.parametrize(("version", "code"), [(3, 47), (4, 90)])
def test_a_producer_that_goes_on_after_another_began_is_fenced(version: int, code: int) -> None:
    world = World()
    world.init()
    world.init()
    for expected in ((100, 0), (100, 7), (4711, 1)):
        assert world.init(expected=expected, api_version=version).error_code == code


def test_after_a_restart_a_retry_is_fenced_as_in_kafka() -> None:
    world = World()
    world.init()
    world.init(expected=(100, 0))
    world.restart()
    assert world.init(expected=(100, 0)).error_code == ErrorCode.PRODUCER_FENCED


def test_an_open_transaction_is_aborted_first_and_its_epoch_is_never_handed_out() -> None:
    world = World()
    world.init()
    world.add(P0)
    assert world.init() is None
    assert world.state.endings[NAME].prepared.phase is Phase.PREPARE_ABORT
    assert world.init().error_code == ErrorCode.CONCURRENT_TRANSACTIONS, "while it is being ended"
    assert world.finish().error_code == ErrorCode.CONCURRENT_TRANSACTIONS
    assert (world.known().phase, world.known().producer_epoch) == (Phase.COMPLETE_ABORT, 1)
    assert outcome(world.init()) == (0, 100, 2)


def test_used_up_epochs_lead_to_another_producer_id() -> None:
    world = World()
    world.init()
    assert not needs_producer_id(world.state, NAME)
    assert needs_producer_id(world.state, "unknown")
    worn = replace(world.known(), producer_epoch=32_766)
    world.machine.apply(world.state, TransactionFact(NAME, worn), world.now)
    assert needs_producer_id(world.state, NAME)
    assert outcome(world.init(expected=(100, 32_766), fresh_producer_id=500)) == (0, 500, 0)
    assert world.state.owners == {500: NAME}


def test_the_number_of_ids_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from neuraxis.broker.coordinators.transaction import init

    monkeypatch.setattr(init, "MAX_TRANSACTIONAL_IDS", 2)
    assert settings.MAX_TRANSACTIONAL_IDS > 2
    world = World()
    assert [world.init(name).error_code for name in ("a", "b", "c", "a")] == [
        0,
        0,
        ErrorCode.POLICY_VIOLATION,
        0,
    ]
