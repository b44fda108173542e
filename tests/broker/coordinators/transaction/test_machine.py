"""The machine as a whole: random clients, restarts at any point, and what must hold after every step."""

from __future__ import annotations

from random import Random

import pytest

from neuraxis.broker.coordinators.transaction import commands
from neuraxis.broker.coordinators.transaction.facts import Phase
from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.transaction.world import P0, P1, FixedSettings, World


def test_an_unknown_command_is_a_bug() -> None:
    with pytest.raises(TypeError, match="str is not a command"):
        World().run("add")


def test_changed_settings_are_taken_into_force() -> None:
    world = World()
    world.machine.configure(FixedSettings(transaction_max_timeout_ms=10))
    assert world.init(timeout_ms=11).error_code == ErrorCode.INVALID_TRANSACTION_TIMEOUT


def test_the_facts_of_a_state_give_the_state_again() -> None:
    world = World()
    world.init("a")
    world.init("b")
    world.add(P0, name="b")
    again = world.machine.new_state()
    for fact in world.machine.facts(world.state):
        world.machine.apply(again, fact, world.now)
    assert again.transactions == world.state.transactions


@pytest.mark.parametrize("seed", range(30))
def test_random_clients(seed: int) -> None:
    rng = Random(seed)
    world = World()
    epochs: dict[tuple[str, int], int] = {}
    handed_out: set[tuple[str, int, int]] = set()
    for _ in range(400):
        name = rng.choice(["a", "b", "c"])
        who = world.who(name)
        if rng.random() < 0.15:
            who = (who[0], max(0, who[1] - 1))
        action = rng.random()
        if action < 0.15:
            expected = who if rng.random() < 0.5 and name in world.state.transactions else None
            answer = world.init(name, expected=expected, timeout_ms=rng.randrange(1, 5_000))
            if answer is not None and answer.error_code == 0 and expected is None:
                epoch = (name, answer.producer_id, answer.producer_epoch)
                assert epoch not in handed_out, "an epoch is for one producer"
                handed_out.add(epoch)
        elif action < 0.5:
            version = rng.choice([0, 2])
            world.add(rng.choice([P0, P1]), name=name, who=who, version=version)
        elif action < 0.75:
            world.end(rng.random() < 0.5, name=name, who=who, version=rng.choice([3, 5]))
        elif action < 0.95 and world.state.endings:
            ending = rng.choice(list(world.state.endings))
            if world.known(ending).phase.is_prepared:
                decided = world.known(ending)
                world.run(commands.Complete(ending))
                over = world.known(ending)
                assert (over.phase is Phase.COMPLETE_COMMIT) == (decided.phase is Phase.PREPARE_COMMIT)
            else:
                world.run(commands.Prepare(ending))
        elif action < 0.97:
            world.restart()
        else:
            world.advance(rng.randrange(2_000))
        for known_name, known in world.state.transactions.items():
            key = (known_name, known.producer_id)
            assert known.producer_epoch >= epochs.get(key, 0), "an epoch never goes back"
            epochs[key] = known.producer_epoch
            assert world.state.owners[known.producer_id] == known_name
            assert (known_name in world.state.deadlines) == (
                known.phase is Phase.ONGOING and known_name not in world.state.endings
            )
            if known.phase.is_prepared:
                assert known_name in world.state.endings
        assert world.fold().transactions == world.state.transactions
