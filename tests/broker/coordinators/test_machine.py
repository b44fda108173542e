"""What every coordinator offers to the runtime."""

from __future__ import annotations

from neuraxis.broker.coordinators.group.machine import GroupMachine
from neuraxis.broker.coordinators.machine import Machine, Outcome, Reply
from tests.broker.coordinators.counting import Counting
from tests.broker.coordinators.group.world import FixedSettings, World


def test_an_outcome_may_be_nothing() -> None:
    assert Outcome() == Outcome((), (), ())
    assert Reply(1, "body") == (1, "body")


def test_the_machines_have_every_function_of_the_contract() -> None:
    wanted = {name for name in vars(Machine) if not name.startswith("_")}
    assert wanted == {
        "new_state", "decide", "apply", "resume", "expire", "deadline", "encode", "decode", "facts",
    }  # fmt: skip
    for machine in (GroupMachine(FixedSettings(), World.exists), Counting()):
        assert all(callable(getattr(machine, name)) for name in wanted)
