"""EndTxn in both protocols, by every state, and what Prepare, Complete and Fence write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neuraxis.broker.coordinators.transaction import commands
from neuraxis.broker.coordinators.transaction.end import needs_producer_id
from neuraxis.broker.coordinators.transaction.facts import Phase, TransactionFact
from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.transaction.world import NAME, P0, P1, World

NONE, FENCED, STATE, BUSY = (
    ErrorCode.NONE,
    ErrorCode.PRODUCER_FENCED,
    ErrorCode.INVALID_TXN_STATE,
    ErrorCode.CONCURRENT_TRANSACTIONS,
)


def open_transaction() -> World:
    world = World()
    world.init()
    world.add(P0, P1)
    return world


def ended(commit: bool, version: int) -> World:
    world = open_transaction()
    assert world.end(commit, version=version) is None
    assert world.finish().error_code == NONE
    return world


@pytest.mark.parametrize("commit", [True, False])
def test_the_old_protocol_keeps_the_epoch(commit: bool) -> None:
    world = open_transaction()
    assert world.end(commit, version=3) is None
    assert world.known().phase is Phase.ONGOING, "nothing is decided before the data is safe"
    world.run(commands.Prepare(NAME))
    prepared = world.known()
    assert (prepared.phase.title, prepared.producer_epoch, prepared.partitions) == (
        "PrepareCommit" if commit else "PrepareAbort", 0, (P0, P1),
    )  # fmt: skip
    world.run(commands.Complete(NAME))
    over = world.known()
    assert (over.phase.title, over.producer_epoch, over.partitions) == (
        "CompleteCommit" if commit else "CompleteAbort", 0, (),
    )  # fmt: skip
    assert not world.state.endings


@pytest.mark.parametrize("commit", [True, False])
def test_the_new_protocol_raises_the_epoch_and_tells_it(commit: bool) -> None:
    world = open_transaction()
    assert world.end(commit) is None
    answer = world.finish()
    assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (0, 100, 1)
    assert (world.known().producer_epoch, world.known().client_version) == (1, 2)


@pytest.mark.parametrize("commit", [True, False])
def test_while_it_is_being_ended_another_end_has_to_wait(commit: bool) -> None:
    for version in (3, 5):
        world = open_transaction()
        world.end(version=version)
        assert world.end(commit, version=version).error_code == BUSY
        world.run(commands.Prepare(NAME))
        assert world.end(commit, version=3).error_code == BUSY


@pytest.mark.parametrize(
    ("was_commit", "commit", "code"),
    [(True, True, NONE), (True, False, STATE), (False, False, NONE), (False, True, STATE)],
)
def test_a_retry_of_the_old_protocol_is_known_by_the_state(
    was_commit: bool, commit: bool, code: ErrorCode
) -> None:
    world = ended(was_commit, 3)
    assert world.end(commit, version=3).error_code == code


@pytest.mark.parametrize(
    ("was_commit", "commit", "code"),
    [(True, True, NONE), (True, False, STATE), (False, False, NONE), (False, True, STATE)],
)
def test_a_retry_of_the_new_protocol_is_known_by_the_epoch(
    was_commit: bool, commit: bool, code: ErrorCode
) -> None:
    world = ended(was_commit, 5)
    answer = world.end(commit, who=(100, 0))
    assert answer.error_code == code
    if code == NONE:
        assert (answer.producer_id, answer.producer_epoch) == (100, 1)


def test_an_abort_of_nothing_raises_the_epoch_and_a_commit_of_nothing_is_refused() -> None:
    world = World()
    world.init()
    assert world.end().error_code == STATE
    assert world.end(commit=False) is None
    assert world.finish().producer_epoch == 1
    assert world.known().phase is Phase.COMPLETE_ABORT
    assert world.end().error_code == STATE
    assert world.end(commit=False) is None
    assert world.finish().producer_epoch == 2
    assert world.end(version=3).error_code == STATE


def test_a_delayed_end_of_the_new_protocol_does_not_touch_the_next_transaction() -> None:
    world = ended(True, 5)
    world.add(P0)
    for commit in (True, False):
        assert world.end(commit, who=(100, 0)).error_code == FENCED
    assert world.known().phase is Phase.ONGOING


@pytest.mark.parametrize(("version", "fenced"), [(0, 47), (1, 47), (2, 90), (4, 90), (5, 90)])
def test_strangers_and_zombies_are_refused(version: int, fenced: int) -> None:
    world = open_transaction()
    mapping = ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert world.end(version=version, who=(100, 7)).error_code == fenced
    assert world.end(version=version, who=(100, -1)).error_code == fenced
    assert world.end(version=version, who=(101, 0)).error_code == mapping
    assert world.end(version=version, name="nobody").error_code == mapping


def worn() -> World:
    world = open_transaction()
    assert not needs_producer_id(world.state, NAME)
    assert not needs_producer_id(world.state, "nobody")
    used_up = replace(world.known(), producer_epoch=32_766, client_version=2)
    world.machine.apply(world.state, TransactionFact(NAME, used_up), world.now)
    return world


def test_used_up_epochs_lead_to_another_producer_id_which_a_retry_learns_too() -> None:
    world = worn()
    assert needs_producer_id(world.state, NAME)
    assert world.end() is None
    answer = world.finish()
    assert (answer.producer_id != 100, answer.producer_epoch) == (True, 0)
    again = world.end(who=(100, 32_766))
    assert (again.error_code, again.producer_id) == (NONE, answer.producer_id)
    assert world.end(commit=False, who=(100, 32_766)).error_code == STATE
    world.add(P0)
    assert world.end(who=(100, 32_766)).error_code == ErrorCode.INVALID_PRODUCER_ID_MAPPING


def test_a_restart_goes_on_with_what_was_decided_and_only_with_that() -> None:
    world = open_transaction()
    world.end()
    world.restart()
    assert (world.known().phase, world.state.endings) == (Phase.ONGOING, {})
    world.end()
    world.run(commands.Prepare(NAME))
    world.restart()
    assert list(world.state.endings) == [NAME]
    world.finish()
    assert (world.known().phase, world.known().producer_epoch) == (Phase.COMPLETE_COMMIT, 1)
    assert world.end(who=(100, 0)).error_code == NONE, "the client asks again"


def test_fencing_aborts_what_is_open_and_ends_the_epoch_of_everybody_else() -> None:
    world = open_transaction()
    world.run(commands.Fence(NAME, ongoing_only=True))
    world.finish()
    assert (world.known().phase, world.known().producer_epoch) == (Phase.COMPLETE_ABORT, 1)
    world.run(commands.Fence(NAME, ongoing_only=True))
    assert world.known().producer_epoch == 1
    world.run(commands.Fence(NAME, ongoing_only=False))
    assert (world.known().phase, world.known().producer_epoch) == (Phase.EMPTY, 2)


def test_a_fenced_producer_is_not_told_that_the_last_commit_was_its_own() -> None:
    """Its transaction may have been lost with the power: the one before must not answer for it."""
    for version in (3, 5):
        world = ended(True, version)
        who = world.who()
        world.run(commands.Fence(NAME, ongoing_only=False))
        assert world.end(version=version, who=who).error_code == FENCED


def test_fencing_lets_a_decided_end_go_on_and_then_ends_the_epoch() -> None:
    world = open_transaction()
    world.end(version=3)
    world.run(commands.Prepare(NAME))
    world.restart()
    world.run(commands.Fence(NAME, ongoing_only=False))
    world.finish()
    assert (world.known().phase, world.known().producer_epoch) == (Phase.EMPTY, 1)
