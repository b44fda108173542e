"""Members of the classic protocol in a consumer group: they join, let go and take by JoinGroup and SyncGroup."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.group.consumer.world import (
    SETTLED_MS,
    ConsumerWorld,
    read_share,
    subscribing,
)


class Mixed(ConsumerWorld):
    """A consumer group with the member `new`, which has all of t4."""

    def __init__(self, **overrides: int) -> None:
        super().__init__(**overrides)
        self.enter("new")
        self.advance(SETTLED_MS)

    def enter_classic(self, member: str = "", owned: Any = None, **options: Any) -> Any:
        options.setdefault("protocols", (("range", subscribing(["t4"], owned)),))
        return self.answers[self.join("g", member, **options)]

    def share(self, generation: int, member: str, **options: Any) -> Any:
        return self.answers[self.sync("g", generation, member, **options)]


def settle_new(world: Mixed) -> None:
    epoch = world.current("new").member_epoch
    epoch = world.beat("new", epoch).member_epoch
    world.beat("new", epoch, None, world.has("new"))


def test_a_classic_member_gets_its_share_from_the_coordinator() -> None:
    world = Mixed()
    asked = world.enter_classic()
    assert asked.error_code == ErrorCode.MEMBER_ID_REQUIRED
    old = asked.member_id
    joined = world.enter_classic(old)
    assert (joined.error_code, joined.generation_id, joined.leader, joined.protocol_name) == (
        0,
        3,
        "",
        "range",
    )
    assert read_share(world.share(3, old).assignment) == {}
    assert world.heartbeat("g", 3, old) == 0, "there is nothing to be had yet"
    settle_new(world)
    assert world.heartbeat("g", 3, old) == ErrorCode.REBALANCE_IN_PROGRESS
    joined = world.enter_classic(old, {})
    assert read_share(world.share(joined.generation_id, old).assignment) == {"t4": [2, 3]}
    assert world.heartbeat("g", 3, old) == 0


def stable_pair() -> tuple[Mixed, str]:
    world = Mixed()
    old = world.enter_classic(version=3).member_id
    settle_new(world)
    world.enter_classic(old)
    world.share(3, old)
    assert world.consumer().phase() == "Stable"
    return world, old


def test_a_classic_member_is_told_to_let_go() -> None:
    world, old = stable_pair()
    world.advance(SETTLED_MS)
    world.enter("third")
    world.advance(SETTLED_MS)
    world.enter("fourth")
    assert world.heartbeat("g", 3, old) == ErrorCode.REBALANCE_IN_PROGRESS
    assert world.share(3, old).error_code == ErrorCode.REBALANCE_IN_PROGRESS
    joined = world.enter_classic(old, {"t4": [2, 3]})
    assert joined.generation_id == 3, "it still has what it must let go"
    assert read_share(world.share(3, old).assignment) == {"t4": [2]}
    assert world.heartbeat("g", 3, old) == ErrorCode.REBALANCE_IN_PROGRESS
    assert world.enter_classic(old, {"t4": [2]}).generation_id == 5
    assert read_share(world.share(5, old).assignment) == {"t4": [2]}


def test_who_is_told_to_join_and_does_not_is_removed() -> None:
    world, old = stable_pair()
    world.advance(SETTLED_MS)
    world.enter("third")
    for _ in range(12):
        world.heartbeat("g", 3, old)
        world.beat("third", world.current("third").member_epoch)
        world.beat("new", world.current("new").member_epoch, None, world.has("new"))
        world.advance(5_000)
    assert old not in world.consumer().members


def test_who_joins_and_does_not_sync_is_removed() -> None:
    world = Mixed()
    old = world.enter_classic(version=3, rebalance_timeout_ms=7_000).member_id
    world.advance(6_999)
    assert world.heartbeat("g", 3, old) == 0
    world.advance(1)
    assert old not in world.consumer().members


def test_a_silent_classic_member_is_removed_after_its_own_session_timeout() -> None:
    world, old = stable_pair()
    world.advance(9_999)
    assert old in world.consumer().members
    world.advance(1)
    assert set(world.consumer().members) == {"new"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"protocol_type": "connect"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocols": ()}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocols": (("range", b"\0"),)}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocols": (("sticky", subscribing(["t4"])),)}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"session_timeout_ms": 1}, ErrorCode.INVALID_SESSION_TIMEOUT),
        ({"member": "m9", "instance": "i9"}, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], code: int) -> None:
    world, _ = stable_pair()
    before = world.batches
    assert world.enter_classic(version=3, **options).error_code == code
    assert world.batches == before


def test_a_full_group_takes_no_classic_member_either() -> None:
    world = Mixed(group_consumer_max_size=1)
    answer = world.enter_classic(version=3)
    assert (answer.error_code, answer.member_id, answer.protocol_name) == (81, "", "")


def test_who_is_no_classic_member_is_unknown() -> None:
    world, old = stable_pair()
    assert world.heartbeat("g", 3, "new") == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.heartbeat("g", 3, "m9") == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.heartbeat("g", 2, old) == ErrorCode.ILLEGAL_GENERATION
    assert world.share(2, old).error_code == ErrorCode.ILLEGAL_GENERATION
    assert world.share(3, old, protocol_name="x").error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert world.heartbeat("g", 3, old, "i9") == ErrorCode.UNKNOWN_MEMBER_ID


def test_members_leave_in_the_old_way() -> None:
    world, old = stable_pair()
    answer = world.leave("g", ("m9", None), (old, None), ("", "i9"))
    assert [each.error_code for each in answer.members] == [25, 0, 25]
    assert set(world.consumer().members) == {"new"}
    assert world.leave("g", ("m9", None), version=2).error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_static_classic_member_is_replaced_by_its_next_self() -> None:
    world = Mixed()
    first = world.enter_classic(instance="i").member_id
    settle_new(world)
    world.enter_classic(first, instance="i")
    second = world.enter_classic(instance="i")
    assert read_share(world.share(second.generation_id, second.member_id).assignment) == {"t4": [2, 3]}
    assert world.heartbeat("g", 3, first, "i") == ErrorCode.FENCED_INSTANCE_ID
    assert world.enter_classic(first, instance="i").error_code == ErrorCode.FENCED_INSTANCE_ID
    assert world.leave("g", ("", "i")).members[0].error_code == 0


def test_a_classic_member_that_begins_to_speak_the_newer_protocol_goes_on() -> None:
    world, old = stable_pair()
    assert world.beat(old, 3).error_code == 0
    assert world.consumer().members[old].classic is None
    assert world.heartbeat("g", 3, old) == ErrorCode.UNKNOWN_MEMBER_ID


def test_classic_members_go_on_after_a_restart() -> None:
    world, old = stable_pair()
    world.restart()
    assert world.heartbeat("g", 3, old) == 0
    assert world.beat("new", 3).error_code == 0


def test_a_classic_member_commits_with_its_generation() -> None:
    world, old = stable_pair()
    offsets = {("t1", 0): 5}
    assert world.commit(offsets=offsets, member_id=old, generation_id=3, version=2) == [0]
    assert world.commit(offsets=offsets, member_id=old, generation_id=2, version=2) == [22]
    assert world.commit(offsets=offsets, member_id="new", generation_id=3) == [0]
    assert world.commit(offsets=offsets, member_id="new", generation_id=2) == [113]
    assert world.commit(offsets=offsets, member_id="new", generation_id=3, version=8) == [35]
