"""Share groups (KIP-932): heartbeats, descriptions, fetches, acknowledgements, offsets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from compat.differential.cases import Scenario, Step, Story
from compat.differential.families.common import own_data
from compat.differential.world import World
from neuraxis.wire.messages import share_acknowledge, share_fetch
from neuraxis.wire.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequestPartition,
    AlterShareGroupOffsetsRequestTopic,
)
from neuraxis.wire.messages.delete_groups import DeleteGroupsRequest
from neuraxis.wire.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsRequestTopic,
)
from neuraxis.wire.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsRequestTopic,
)
from neuraxis.wire.messages.share_acknowledge import ShareAcknowledgeRequest
from neuraxis.wire.messages.share_fetch import ShareFetchRequest
from neuraxis.wire.messages.share_group_describe import ShareGroupDescribeRequest
from neuraxis.wire.messages.share_group_heartbeat import ShareGroupHeartbeatRequest
from neuraxis.wire.schema import Message

MEMBER = "AAAAAAAAQACAAAAAAAAAAQ"
MAX_WAIT_MS = 100  # longer than Kafka takes to find its share partition; most fetches here find nothing and wait so long
JOIN, LEAVE, AGAIN = 0, -1, 1
ACCEPT, RELEASE, REJECT = 1, 2, 3


def beat(epoch: int, world: World) -> ShareGroupHeartbeatRequest:
    """A heartbeat of the one member."""
    topics = [world.name("shared")] if epoch == JOIN else None
    return ShareGroupHeartbeatRequest(world.name("group"), MEMBER, epoch, None, topics)


def _fetch(epoch: int, world: World, acknowledged: Sequence[tuple[int, int, int]] = ()) -> ShareFetchRequest:
    batches = [share_fetch.AcknowledgementBatch(first, last, [kind]) for first, last, kind in acknowledged]
    topic = share_fetch.FetchTopic(
        world.topic_id(world.name("shared")), [share_fetch.FetchPartition(0, batches)]
    )
    return ShareFetchRequest(
        world.name("group"), MEMBER, epoch, MAX_WAIT_MS, 1, 1 << 20, 100, 100, 0, False, [topic], []
    )


def _acknowledge(
    epoch: int, acknowledged: Sequence[tuple[int, int, int]], world: World
) -> ShareAcknowledgeRequest:
    batches = [
        share_acknowledge.AcknowledgementBatch(first, last, [kind]) for first, last, kind in acknowledged
    ]
    topic = share_acknowledge.AcknowledgeTopic(
        world.topic_id(world.name("shared")), [share_acknowledge.AcknowledgePartition(0, batches)]
    )
    return ShareAcknowledgeRequest(world.name("group"), MEMBER, epoch, False, [topic])


def _describe(world: World) -> ShareGroupDescribeRequest:
    return ShareGroupDescribeRequest([world.name("group")], False)


def _offsets(world: World) -> DescribeShareGroupOffsetsRequest:
    topic = DescribeShareGroupOffsetsRequestTopic(world.name("shared"), [0])
    return DescribeShareGroupOffsetsRequest(
        [DescribeShareGroupOffsetsRequestGroup(world.name("group"), [topic])]
    )


def _alter(world: World) -> AlterShareGroupOffsetsRequest:
    partitions = [AlterShareGroupOffsetsRequestPartition(0, 2), AlterShareGroupOffsetsRequestPartition(9, 2)]
    return AlterShareGroupOffsetsRequest(
        world.name("group"), [AlterShareGroupOffsetsRequestTopic(world.name("shared"), partitions)]
    )


def _forget(world: World) -> DeleteShareGroupOffsetsRequest:
    return DeleteShareGroupOffsetsRequest(
        world.name("group"), [DeleteShareGroupOffsetsRequestTopic(world.name("shared"))]
    )


def _delete(world: World) -> DeleteGroupsRequest:
    return DeleteGroupsRequest([world.name("group")])


def _assigned(answer: Message) -> bool:
    return answer.assignment is not None and bool(answer.assignment.topic_partitions)  # type: ignore[attr-defined]  # it is a ShareGroupHeartbeatResponse


DATA = own_data("shared", b"a", b"b", b"c")
JOINED = [
    *DATA,
    Step(partial(beat, JOIN), 1, until=_assigned),
]
LEFT = [*JOINED, Step(partial(beat, LEAVE), 1)]
LOOK = [Step(_describe, 1)]


def _life(version: int) -> Sequence[Step]:
    """Records produced before and after a session began: acquired, accepted, released, rejected."""
    return [
        *JOINED,
        Step(partial(_fetch, JOIN), version),
        *DATA[-3:],
        Step(partial(_fetch, 1), version),
        Step(partial(_acknowledge, 2, [(3, 3, ACCEPT), (4, 4, RELEASE), (5, 5, REJECT)]), version),
        Step(partial(_fetch, 3), version),
        Step(partial(_acknowledge, 4, [(3, 3, ACCEPT)]), version),
        Step(partial(_acknowledge, 9, [(4, 4, ACCEPT)]), version),
        Step(partial(_acknowledge, LEAVE, [(4, 4, ACCEPT)]), version),
        Step(_offsets, 0),
        Step(partial(beat, LEAVE), 1),
        *LOOK,
        Step(_delete, 2),
        *LOOK,
    ]


SCENARIOS: list[Scenario | Story] = [
    Scenario(ShareGroupHeartbeatRequest, partial(beat, JOIN), given=DATA, after=LOOK),
    Scenario(ShareGroupHeartbeatRequest, partial(beat, AGAIN), "again", given=JOINED, after=LOOK),
    Scenario(ShareGroupHeartbeatRequest, partial(beat, LEAVE), "leave", given=JOINED, after=LOOK),
    Scenario(ShareGroupDescribeRequest, _describe, given=JOINED),
    Scenario(ShareFetchRequest, partial(_fetch, JOIN), given=JOINED, skip=["max_wait_ms=2147483647"]),
    Scenario(
        ShareAcknowledgeRequest,
        partial(_acknowledge, AGAIN, [(0, 0, ACCEPT)]),
        given=[*JOINED, Step(partial(_fetch, JOIN), 1)],
    ),
    # Kafka takes its time with the first question about offsets: it is asked before, when nobody counts.
    Scenario(
        AlterShareGroupOffsetsRequest, _alter, given=[*LEFT, Step(_offsets, 0)], after=[Step(_offsets, 0)]
    ),
    Scenario(AlterShareGroupOffsetsRequest, _alter, "of a live group", given=JOINED, vary=False),
    Scenario(DeleteShareGroupOffsetsRequest, _forget, given=LEFT, after=[Step(_offsets, 0)]),
    # Of a partition that does not exist Kafka says, after half a minute of asking itself, what it says of others.
    Scenario(
        DescribeShareGroupOffsetsRequest,
        _offsets,
        given=LEFT,
        skip=["*partitions[0]=1", "*partitions[0]=77", "*partitions[0]=2147483647"],
    ),
    Story(ShareFetchRequest, "a life", _life),
]
