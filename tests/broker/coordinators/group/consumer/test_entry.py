from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group.consumer import entry
from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.group.consumer.world import ConsumerWorld


def test_a_new_group_begins_at_epoch_two() -> None:
    world = ConsumerWorld()
    assert world.enter("m").member_epoch == 2
    assert (world.consumer().epoch, world.consumer().assignment_epoch) == (2, 2)


def test_a_member_without_topics_makes_a_group_at_epoch_one() -> None:
    world = ConsumerWorld()
    assert world.enter("m", []).member_epoch == 1
    assert world.enter("n", []).member_epoch == 1


def test_a_group_that_only_has_positions_keeps_them() -> None:
    world = ConsumerWorld()
    assert world.commit(offsets={("t1", 0): 5}) == [0]
    world.enter("m", ["t4"])
    assert world.state.groups["g"].offsets["t1"][0].offset == 5
    assert world.consumer().phase() == "Stable"


def test_an_empty_classic_group_is_replaced() -> None:
    world = ConsumerWorld()
    (member,) = world.stable()
    world.leave("g", (member, None))
    world.enter("m")
    assert world.state.groups["g"].stored is None
    assert world.consumer().phase() == "Stable"
    world.restart()
    assert world.beat("m", 2).error_code == 0


def test_there_is_a_limit_of_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "MAX_GROUPS", 1)
    world = ConsumerWorld()
    world.enter("m")
    assert world.enter("m", group_id="h").error_code == ErrorCode.POLICY_VIOLATION
