"""CreateTopics, DeleteTopics, CreatePartitions, DescribeLogDirs."""

from __future__ import annotations

from functools import partial

from compat.differential.cases import Scenario
from compat.differential.families.common import (
    THREE,
    TOPIC_TIMEOUT_MS,
    create_topics,
    show_topic,
    topic_steps,
)
from compat.differential.world import World
from neuraxis.wire.messages.create_partitions import (
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
)
from neuraxis.wire.messages.create_topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreateTopicsRequest,
)
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from neuraxis.wire.messages.describe_log_dirs import DescribableLogDirTopic, DescribeLogDirsRequest


def _create(world: World) -> CreateTopicsRequest:
    return create_topics(world.name("made"), 2, {"retention.ms": "5000", "cleanup.policy": "compact,delete"})


def _create_assigned(world: World) -> CreateTopicsRequest:
    assigned = [CreatableReplicaAssignment(index, [1]) for index in (0, 1)]
    topic = CreatableTopic(world.name("made"), -1, -1, assigned)
    return CreateTopicsRequest([topic], TOPIC_TIMEOUT_MS)


def _create_existing(world: World) -> CreateTopicsRequest:
    return create_topics(THREE, 2, {})


def _delete(world: World) -> DeleteTopicsRequest:
    name = world.name("gone")
    return DeleteTopicsRequest([DeleteTopicState(name)], [name], TOPIC_TIMEOUT_MS)


def _delete_by_id(world: World) -> DeleteTopicsRequest:
    topic = DeleteTopicState(None, world.topic_id(world.name("gone")))
    return DeleteTopicsRequest([topic], [], TOPIC_TIMEOUT_MS)


def _grow(world: World, assigned: bool = False, dry: bool = False) -> CreatePartitionsRequest:
    assignments = [CreatePartitionsAssignment([1]) for _ in (1, 2)] if assigned else None
    topic = CreatePartitionsTopic(world.name("grown"), 3, assignments)
    return CreatePartitionsRequest([topic], TOPIC_TIMEOUT_MS, dry)


def _log_dirs(world: World) -> DescribeLogDirsRequest:
    return DescribeLogDirsRequest([DescribableLogDirTopic(THREE, [0, 1, 9])])


GONE = topic_steps("gone")
GROWN = topic_steps("grown")
SHOW_MADE, SHOW_GONE, SHOW_GROWN = [show_topic("made")], [show_topic("gone")], [show_topic("grown")]

# A timeout that is over at once is a race between the controller's queue and its clock.
RACES = ["*timeout_ms=*"]

SCENARIOS = [
    Scenario(CreateTopicsRequest, _create, after=SHOW_MADE, settle=True, skip=RACES),
    Scenario(CreateTopicsRequest, _create_assigned, "assigned", after=SHOW_MADE, settle=True, skip=RACES),
    Scenario(CreateTopicsRequest, _create_existing, "existing", vary=False),
    Scenario(DeleteTopicsRequest, _delete, given=GONE, after=SHOW_GONE, settle=True, skip=RACES),
    Scenario(
        DeleteTopicsRequest,
        _delete_by_id,
        "by id",
        "6-99",
        given=GONE,
        after=SHOW_GONE,
        settle=True,
        skip=RACES,
    ),
    Scenario(
        CreatePartitionsRequest,
        _grow,
        given=GROWN,
        after=SHOW_GROWN,
        settle=True,
        values={"count": (2, 3)},
        skip=RACES,
    ),
    Scenario(
        CreatePartitionsRequest,
        partial(_grow, assigned=True),
        "assigned",
        given=GROWN,
        after=SHOW_GROWN,
        settle=True,
        skip=RACES,
    ),
    Scenario(DescribeLogDirsRequest, _log_dirs),
]
