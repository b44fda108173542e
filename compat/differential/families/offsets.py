"""OffsetCommit, OffsetFetch, OffsetDelete."""

from __future__ import annotations

from functools import partial

from compat.differential.cases import Scenario, Step
from compat.differential.families.common import ONE, THREE
from compat.differential.families.groups_classic import INSTANCE, STABLE, STATIC_STABLE
from compat.differential.world import World
from neuraxis.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from neuraxis.wire.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
)
from neuraxis.wire.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
)


def _exactly_4096(world: World) -> str:
    return "m" * 4096


def _over_4096(world: World) -> str:
    return "m" * 4097


def commit(
    world: World, *, member: str = "", generation: int = -1, instance: str | None = None
) -> OffsetCommitRequest:
    """A commit for two topics; without a member, as a consumer that assigns itself."""
    return OffsetCommitRequest(
        world.name("group"),
        generation,
        world.text(member) if member else "",
        instance,
        -1,
        [
            OffsetCommitRequestTopic(
                THREE,
                world.topic_id(THREE),
                [OffsetCommitRequestPartition(at, 2 + at, 0, "note") for at in (0, 1)],
            ),
            OffsetCommitRequestTopic(
                ONE, world.topic_id(ONE), [OffsetCommitRequestPartition(0, 9, -1, None)]
            ),
        ],
    )


def fetch(world: World, *, everything: bool = False, stable: bool = False) -> OffsetFetchRequest:
    """Ask for two topics, or for everything, of the group of the case."""
    group = world.name("group")
    old = [OffsetFetchRequestTopic(THREE, [0, 1, 2, 9]), OffsetFetchRequestTopic(ONE, [0])]
    new = [
        OffsetFetchRequestTopics(THREE, world.topic_id(THREE), [0, 1, 2, 9]),
        OffsetFetchRequestTopics(ONE, world.topic_id(ONE), [0]),
    ]
    return OffsetFetchRequest(
        group,
        None if everything else old,  # type: ignore[arg-type]  # null is a value from version 2 on
        [OffsetFetchRequestGroup(group, None, -1, None if everything else new)],
        stable,
    )


def _fetch_as_member(epoch: int, member: str, world: World) -> OffsetFetchRequest:
    request = fetch(world)
    request.groups[0].member_id = world.text(member)
    request.groups[0].member_epoch = epoch
    return request


def _delete(world: World) -> OffsetDeleteRequest:
    return OffsetDeleteRequest(
        world.name("group"),
        [
            OffsetDeleteRequestTopic(
                THREE, [OffsetDeleteRequestPartition(0), OffsetDeleteRequestPartition(9)]
            ),
            OffsetDeleteRequestTopic(ONE, [OffsetDeleteRequestPartition(0)]),
        ],
    )


COMMITTED = [Step(commit, 8)]
ALL = [Step(partial(fetch, everything=True), 7)]

SCENARIOS = [
    Scenario(
        OffsetCommitRequest,
        commit,
        after=ALL,
        values={
            "name": ("__consumer_offsets",),
            "committed_metadata": (_exactly_4096, _over_4096),
            "committed_offset": (1000,),
        },
    ),
    Scenario(
        OffsetCommitRequest,
        partial(commit, member="member", generation=1),
        "of a member",
        given=STABLE,
        after=ALL,
        skip=["*topics*"],
    ),
    Scenario(
        OffsetCommitRequest,
        partial(commit, member="member", generation=1, instance=INSTANCE),
        "of a static member",
        "7-99",
        given=STATIC_STABLE,
        after=ALL,
        skip=["*topics*"],
    ),
    Scenario(OffsetCommitRequest, commit, "from outside a live group", given=STABLE, after=ALL, vary=False),
    Scenario(OffsetFetchRequest, fetch, given=COMMITTED),
    Scenario(OffsetFetchRequest, partial(fetch, everything=True), "everything", "2-99", given=COMMITTED),
    Scenario(OffsetFetchRequest, partial(fetch, stable=True), "stable", "7-99", given=COMMITTED, vary=False),
    Scenario(OffsetFetchRequest, fetch, "no such group", vary=False),
    Scenario(
        OffsetFetchRequest, partial(fetch, everything=True), "everything of no such group", "2-99", vary=False
    ),
    Scenario(
        OffsetFetchRequest,
        partial(_fetch_as_member, 1, "member"),
        "of a member",
        "9-99",
        given=[*STABLE, *COMMITTED],
        skip=["*topics*"],
    ),
    Scenario(OffsetDeleteRequest, _delete, given=COMMITTED, after=ALL),
    Scenario(
        OffsetDeleteRequest, _delete, "of a live group", given=[*STABLE, *COMMITTED], after=ALL, vary=False
    ),
]
