"""FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups, ListGroups, DeleteGroups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from compat.differential.cases import Scenario, Step, Story
from compat.differential.world import World
from neuraxis.wire.messages.delete_groups import DeleteGroupsRequest
from neuraxis.wire.messages.describe_groups import DescribeGroupsRequest
from neuraxis.wire.messages.find_coordinator import FindCoordinatorRequest
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from neuraxis.wire.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from neuraxis.wire.messages.leave_group import LeaveGroupRequest, MemberIdentity
from neuraxis.wire.messages.list_groups import ListGroupsRequest
from neuraxis.wire.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment
from neuraxis.wire.schema import Message

SESSION_MS = 300_000  # longer than a run: nobody here has to send heartbeats
REBALANCE_MS = 10_000
JOIN, SYNC = 5, 3  # versions of the steps that only prepare
INSTANCE = "instance-1"


def join(
    world: World,
    *,
    member: str = "",
    instance: str | None = None,
    protocols: Sequence[str] = ("range", "sticky"),
) -> JoinGroupRequest:
    """A JoinGroup for the group of the case; `member` is a symbol, "" for a newcomer."""
    return JoinGroupRequest(
        world.name("group"),
        SESSION_MS,
        REBALANCE_MS,
        world.text(member) if member else "",
        instance,
        "consumer",
        [JoinGroupRequestProtocol(name, b"subscription") for name in protocols],
        "a reason",
    )


def sync(
    world: World,
    *,
    member: str = "member",
    instance: str | None = None,
    generation: int = 1,
    leads: bool = True,
) -> SyncGroupRequest:
    """A SyncGroup; the leader assigns something to itself."""
    given = [SyncGroupRequestAssignment(world.text(member), b"assignment")] if leads else []
    return SyncGroupRequest(
        world.name("group"), generation, world.text(member), instance, "consumer", "range", given
    )


def _learn_as(symbol: str, world: World, answer: Message) -> None:
    member: str = answer.member_id  # type: ignore[attr-defined]  # it is a JoinGroupResponse
    if member:
        world.learn(symbol, member)


def knock(symbol: str, peer: str = "a") -> Step:
    """A newcomer is told its member id."""
    return Step(join, JOIN, peer, learn=partial(_learn_as, symbol))


JOINED = [
    knock("member"),
    Step(partial(join, member="member"), JOIN),
]
STABLE = [*JOINED, Step(sync, SYNC)]
STATIC_JOINED = [Step(partial(join, instance=INSTANCE), JOIN, learn=partial(_learn_as, "member"))]
STATIC_STABLE = [*STATIC_JOINED, Step(partial(sync, instance=INSTANCE), SYNC)]


def _describe(world: World) -> DescribeGroupsRequest:
    return DescribeGroupsRequest([world.name("group")], False)


def _heartbeat(instance: str | None, world: World) -> HeartbeatRequest:
    return HeartbeatRequest(world.name("group"), 1, world.text("member"), instance)


def _leave(world: World, instance: str | None = None) -> LeaveGroupRequest:
    member = world.text("member")
    return LeaveGroupRequest(world.name("group"), member, [MemberIdentity(member, instance, "done")])


def _leave_by_instance(world: World) -> LeaveGroupRequest:
    return LeaveGroupRequest(world.name("group"), "", [MemberIdentity("", INSTANCE, "done")])


def _delete(world: World) -> DeleteGroupsRequest:
    return DeleteGroupsRequest([world.name("group")])


def _list(world: World) -> ListGroupsRequest:
    return ListGroupsRequest([], [])


def _list_filtered(world: World) -> ListGroupsRequest:
    return ListGroupsRequest(["Stable"], ["classic"])


def _coordinator(kind: int, key: str, world: World) -> FindCoordinatorRequest:
    return FindCoordinatorRequest(key, kind, [key])


def _share_key(text: str, world: World) -> FindCoordinatorRequest:
    key = text.replace("ID", "AAAAAAAAQACAAAAAAAAAAQ")
    return FindCoordinatorRequest(key, 2, [key])


EMPTY_GROUP = [*STABLE, Step(_leave, 3)]
OVER_AT_ONCE = [
    "*rebalance_timeout_ms=-*",
    "*rebalance_timeout_ms=0",
    "*rebalance_timeout_ms=1",
    "*rebalance_timeout_ms=77",
]
LOOK = [Step(_describe, 5)]
STATES = ("PreparingRebalance", "CompletingRebalance", "Empty", "Dead", "stable", "STABLE", "Nonsense")
TYPES = ("consumer", "share", "streams", "Classic", "unknown", "nonsense")


def _two_members(version: int) -> Sequence[Step]:
    """A second member joins, both sync, one leaves, the other is told."""
    return [
        *STABLE,
        knock("second", "b"),
        Step(partial(join, member="second"), version, "b", wait=False),
        Step(partial(_heartbeat, None), 3, until=lambda answer: answer.error_code != 0),  # type: ignore[attr-defined]  # it is a HeartbeatResponse
        Step(partial(join, member="member"), version),
        Step(None, peer="b"),
        Step(partial(sync, member="second", generation=2, leads=False), SYNC, "b", wait=False),
        Step(partial(sync, generation=2), SYNC),
        Step(None, peer="b"),
        *LOOK,
        Step(_leave, 3),
        *LOOK,
    ]


def _joins_in_the_middle(version: int) -> Sequence[Step]:
    """Requests that come while the group waits for its leader's assignment."""
    return [
        *JOINED,
        Step(partial(_heartbeat, None), 3),
        *LOOK,
        Step(partial(join, member="member"), version),
        Step(_delete, 2),
        Step(sync, SYNC),
        Step(sync, SYNC),
        Step(partial(sync, generation=2), SYNC),
        *LOOK,
    ]


def _static_replaced(version: int) -> Sequence[Step]:
    """A static member comes back with no member id; the old one is fenced."""
    return [
        *STATIC_STABLE,
        Step(partial(join, instance=INSTANCE), version, "b", learn=partial(_learn_as, "second")),
        Step(partial(_heartbeat, INSTANCE), 3),
        Step(partial(join, member="member", instance=INSTANCE), version),
        Step(partial(sync, instance=INSTANCE), SYNC),
        *LOOK,
        Step(partial(_leave, instance=INSTANCE), 3),
        Step(_leave_by_instance, 3),
        *LOOK,
    ]


def _other_protocols(version: int) -> Sequence[Step]:
    """A newcomer that shares no protocol with the group, and one of another type."""
    return [
        *STABLE,
        Step(partial(join, protocols=("other",)), version, "b"),
        Step(lambda world: _of_type("connect", world), version, "b"),
        Step(lambda world: _of_type("", world), version, "b"),
        *LOOK,
    ]


def _of_type(kind: str, world: World) -> JoinGroupRequest:
    request = join(world)
    request.protocol_type = kind
    return request


# A member that was told its id is told again, and kept, for every version: old ones join at once.
SCENARIOS: list[Scenario | Story] = [
    Scenario(FindCoordinatorRequest, partial(_coordinator, 0, "a-group"), values={"key_type": (3,)}),
    Scenario(
        FindCoordinatorRequest, partial(_coordinator, 1, "a-transaction"), "transaction", "1-99", vary=False
    ),
    *(
        Scenario(FindCoordinatorRequest, partial(_share_key, text), f"share key {text!r}", "1-99", vary=False)
        for text in (
            "group:ID:0",
            "group",
            "group:ID",
            "group:ID:x",
            ":ID:0",
            "group:ID:-1",
            "group:short:0",
            "a:b:ID:0",
        )
    ),
    # A rebalance that is over at once is a race between the member that syncs and the broker's clock.
    # Protocols given twice are never answered by Kafka: asked once is enough.
    Scenario(JoinGroupRequest, join, "a newcomer", after=LOOK, skip=["*protocols=twice", *OVER_AT_ONCE]),
    Scenario(
        JoinGroupRequest,
        partial(join, member="member"),
        given=JOINED[:1],
        after=LOOK,
        skip=OVER_AT_ONCE,
        values={"session_timeout_ms": (5_999, 6_000, 1_800_000, 1_800_001)},
    ),
    Scenario(
        JoinGroupRequest,
        partial(join, member="member"),
        "again, stable",
        given=STABLE,
        after=LOOK,
        vary=False,
    ),
    Scenario(
        JoinGroupRequest,
        partial(join, instance=INSTANCE),
        "static",
        "5-99",
        after=LOOK,
        skip=["*protocols=twice", *OVER_AT_ONCE],
    ),
    Scenario(
        JoinGroupRequest,
        partial(join, instance=INSTANCE),
        "static again",
        "5-99",
        given=STATIC_STABLE,
        after=LOOK,
        vary=False,
    ),
    Scenario(SyncGroupRequest, sync, given=JOINED, after=LOOK),
    Scenario(SyncGroupRequest, sync, "again", given=STABLE, vary=False),
    Scenario(
        SyncGroupRequest, partial(sync, instance=INSTANCE), "static", "3-99", given=STATIC_JOINED, after=LOOK
    ),
    Scenario(HeartbeatRequest, partial(_heartbeat, None), given=STABLE),
    Scenario(HeartbeatRequest, partial(_heartbeat, INSTANCE), "static", "3-99", given=STATIC_STABLE),
    Scenario(HeartbeatRequest, partial(_heartbeat, None), "not synced", given=JOINED, vary=False),
    Scenario(HeartbeatRequest, partial(_heartbeat, None), "after leaving", given=EMPTY_GROUP, vary=False),
    Scenario(LeaveGroupRequest, _leave, given=STABLE, after=LOOK),
    Scenario(
        LeaveGroupRequest,
        partial(_leave, instance=INSTANCE),
        "static",
        "3-99",
        given=STATIC_STABLE,
        after=LOOK,
    ),
    Scenario(LeaveGroupRequest, _leave_by_instance, "by instance", "3-99", given=STATIC_STABLE, after=LOOK),
    Scenario(DescribeGroupsRequest, _describe, given=STABLE),
    Scenario(DescribeGroupsRequest, _describe, "static", given=STATIC_STABLE, vary=False),
    Scenario(DescribeGroupsRequest, _describe, "joined", given=JOINED, vary=False),
    Scenario(DescribeGroupsRequest, _describe, "empty", given=EMPTY_GROUP, vary=False),
    Scenario(ListGroupsRequest, _list, given=STABLE),
    Scenario(
        ListGroupsRequest,
        _list_filtered,
        "filtered",
        "4-99",
        given=STABLE,
        values={"states_filter": STATES, "types_filter": TYPES},
    ),
    Scenario(ListGroupsRequest, _list, "empty", given=EMPTY_GROUP, vary=False),
    Scenario(DeleteGroupsRequest, _delete, given=EMPTY_GROUP, after=LOOK),
    Scenario(DeleteGroupsRequest, _delete, "not empty", given=STABLE, after=LOOK, vary=False),
    Story(JoinGroupRequest, "two members", _two_members),
    Story(JoinGroupRequest, "between join and sync", _joins_in_the_middle),
    Story(JoinGroupRequest, "a static member returns", _static_replaced, "5-99"),
    Story(JoinGroupRequest, "other protocols", _other_protocols),
]
