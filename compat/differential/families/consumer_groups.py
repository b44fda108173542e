"""ConsumerGroupHeartbeat and ConsumerGroupDescribe (KIP-848), and how the other group APIs see such groups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from compat.differential.cases import Scenario, Step, Story
from compat.differential.families.common import THREE
from compat.differential.families.groups_classic import join as classic_join
from compat.differential.families.offsets import ALL, commit
from compat.differential.world import World
from neuraxis.wire.messages.consumer_group_describe import ConsumerGroupDescribeRequest
from neuraxis.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest, TopicPartitions
from neuraxis.wire.messages.delete_groups import DeleteGroupsRequest
from neuraxis.wire.messages.describe_groups import DescribeGroupsRequest
from neuraxis.wire.messages.list_groups import ListGroupsRequest
from neuraxis.wire.messages.offset_commit import OffsetCommitRequest
from neuraxis.wire.schema import Message

REBALANCE_MS = 300_000
JOIN, LEAVE, LEAVE_FOR_A_WHILE = 0, -1, -2
INSTANCE = "instance-1"
MEMBER = "AAAAAAAAQACAAAAAAAAAAQ"  # as clients make them: a random id in base64
SECOND = "AAAAAAAAQACAAAAAAAAAAg"


def beat(
    epoch: int | None,
    world: World,
    *,
    member: str = MEMBER,
    instance: str | None = None,
    topics: Sequence[str] | None = (THREE,),
    owned: Sequence[int] | None = (),
) -> ConsumerGroupHeartbeatRequest:
    """A heartbeat of a member; epoch None stands for the one it was last given."""
    return ConsumerGroupHeartbeatRequest(
        world.name("group"),
        member,
        world.number("epoch") if epoch is None else epoch,
        instance,
        None,
        REBALANCE_MS,
        None if topics is None else list(topics),
        None,
        None,
        None if owned is None else [TopicPartitions(world.topic_id(THREE), list(owned))] if owned else [],
    )


def _learn(world: World, answer: Message) -> None:
    epoch = answer.member_epoch  # type: ignore[attr-defined]  # it is a ConsumerGroupHeartbeatResponse
    if epoch > 0:
        world.learn("epoch", epoch)


def _describe(world: World) -> ConsumerGroupDescribeRequest:
    return ConsumerGroupDescribeRequest([world.name("group")], False)


def _describe_classic(world: World) -> DescribeGroupsRequest:
    return DescribeGroupsRequest([world.name("group")], False)


def _delete(world: World) -> DeleteGroupsRequest:
    return DeleteGroupsRequest([world.name("group")])


def _list(world: World) -> ListGroupsRequest:
    return ListGroupsRequest([], ["consumer"])


def _assigned(answer: Message) -> bool:
    return answer.assignment is not None and bool(answer.assignment.topic_partitions)  # type: ignore[attr-defined]  # it is a ConsumerGroupHeartbeatResponse


JOINED = [
    Step(partial(beat, JOIN), 1, learn=_learn),
    Step(partial(beat, None), 1, learn=_learn, until=_assigned),
]
STATIC = [
    Step(partial(beat, JOIN, instance=INSTANCE), 1, learn=_learn),
    Step(partial(beat, None, instance=INSTANCE), 1, learn=_learn, until=_assigned),
]
LOOK = [Step(_describe, 1)]


def _commit(epoch: int, world: World) -> OffsetCommitRequest:
    request = commit(world, generation=epoch)
    request.member_id = MEMBER
    return request


def _static_returns(version: int) -> Sequence[Step]:
    """A static member leaves for a while and comes back under another member id."""
    return [
        *STATIC,
        Step(partial(beat, JOIN, member=SECOND, instance=INSTANCE), version, "b"),
        Step(partial(beat, LEAVE_FOR_A_WHILE, instance=INSTANCE, topics=None, owned=None), version),
        Step(partial(beat, JOIN, member=SECOND, instance=INSTANCE), version, "b"),
        Step(partial(beat, None, instance=INSTANCE, topics=None, owned=None), version),
        *LOOK,
    ]


def _seen_by_others(version: int) -> Sequence[Step]:
    """What the older APIs say of a group of the new kind."""
    return [
        *JOINED,
        Step(_describe_classic, 6),
        Step(_describe_classic, 5),
        Step(_list, 5),
        Step(partial(_commit, 0), 9),
        Step(partial(_commit, 99), 9),
        Step(partial(_commit, -1), 9),
        Step(_delete, 2),
        Step(partial(beat, LEAVE, topics=None, owned=None), version),
        *LOOK,
        Step(_delete, 2),
        *LOOK,
        *ALL,
    ]


SCENARIOS: list[Scenario | Story] = [
    Scenario(
        ConsumerGroupHeartbeatRequest,
        partial(beat, JOIN),
        after=LOOK,
        values={"server_assignor": ("range", "uniform"), "subscribed_topic_regex": ("world-.*", "(")},
    ),
    Scenario(
        ConsumerGroupHeartbeatRequest, partial(beat, JOIN, member=""), "without a member id", vary=False
    ),
    Scenario(
        ConsumerGroupHeartbeatRequest,
        partial(beat, None, topics=None, owned=(0, 1, 2)),
        "again",
        given=JOINED,
        after=LOOK,
    ),
    Scenario(
        ConsumerGroupHeartbeatRequest,
        partial(beat, LEAVE, topics=None, owned=None),
        "leave",
        given=JOINED,
        after=LOOK,
    ),
    Scenario(
        ConsumerGroupHeartbeatRequest,
        partial(beat, JOIN, instance=INSTANCE),
        "static",
        after=LOOK,
        vary=False,
    ),
    Scenario(
        ConsumerGroupHeartbeatRequest,
        partial(beat, LEAVE_FOR_A_WHILE, instance=INSTANCE, topics=None, owned=None),
        "static leave",
        given=STATIC,
        after=LOOK,
    ),
    Scenario(ConsumerGroupDescribeRequest, _describe, given=JOINED),
    Scenario(
        ConsumerGroupDescribeRequest,
        _describe,
        "of a classic group",
        given=[Step(classic_join, 3)],
        vary=False,
    ),
    Story(ConsumerGroupHeartbeatRequest, "a static member returns", _static_returns),
    Story(ConsumerGroupHeartbeatRequest, "seen by older APIs", _seen_by_others),
]
