"""ApiVersions, Metadata, DescribeCluster, DescribeTopicPartitions: what a client learns first."""

from __future__ import annotations

from functools import partial

from compat.differential.cases import Scenario, Step, fixed
from compat.differential.families.common import EMPTY, ONE, THREE, show_topic
from compat.differential.world import World
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.describe_cluster import DescribeClusterRequest
from neuraxis.wire.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    TopicRequest,
)
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from neuraxis.wire.schema import Message


def _versions_of(node_id: int, world: World) -> ApiVersionsRequest:
    return ApiVersionsRequest("tester", "1.0", "another-cluster-of-ours", node_id)


def _learn_cluster(world: World, answer: Message) -> None:
    world.learn("cluster id", answer.cluster_id)  # type: ignore[attr-defined]  # it is a DescribeClusterResponse


def _versions_of_this(world: World) -> ApiVersionsRequest:
    return ApiVersionsRequest("tester", "1.0", world.text("cluster id"), 1)


THIS_CLUSTER = [Step(fixed(DescribeClusterRequest()), 0, learn=_learn_cluster)]


def _metadata(world: World) -> MetadataRequest:
    return MetadataRequest([MetadataRequestTopic(name=THREE)], allow_auto_topic_creation=False)


def _by_id(world: World) -> MetadataRequest:
    wanted = [MetadataRequestTopic(topic_id=world.topic_id(THREE), name=None)]
    return MetadataRequest(wanted, allow_auto_topic_creation=False)


def _created(world: World) -> MetadataRequest:
    return MetadataRequest([MetadataRequestTopic(name=world.name("auto"))])


def _flags(world: World) -> MetadataRequest:
    return MetadataRequest(
        [MetadataRequestTopic(name=ONE), MetadataRequestTopic(name=EMPTY)], False, True, True
    )


def _partitions(world: World) -> DescribeTopicPartitionsRequest:
    names = [TopicRequest(THREE), TopicRequest(ONE)]
    return DescribeTopicPartitionsRequest(names, 2000, None)


def _partitions_from(world: World) -> DescribeTopicPartitionsRequest:
    names = [TopicRequest(THREE), TopicRequest(ONE)]
    return DescribeTopicPartitionsRequest(names, 3, Cursor(THREE, 1))


SCENARIOS = [
    Scenario(ApiVersionsRequest, fixed(ApiVersionsRequest("tester", "1.0"))),
    Scenario(ApiVersionsRequest, partial(_versions_of, 1), "of a node", "5-99", values={"node_id": (2,)}),
    Scenario(ApiVersionsRequest, _versions_of_this, "of this cluster", "5-99", given=THIS_CLUSTER),
    Scenario(MetadataRequest, _metadata, values={"name": (ONE, "__consumer_offsets")}),
    Scenario(MetadataRequest, _by_id, "by id", "10-99"),
    Scenario(MetadataRequest, _created, "created", vary=False, after=[show_topic("auto")], settle=True),
    Scenario(MetadataRequest, _flags, "operations", "8-99"),
    Scenario(
        DescribeClusterRequest,
        fixed(DescribeClusterRequest(True, 1, False)),
    ),
    Scenario(DescribeTopicPartitionsRequest, _partitions, values={"name": (ONE, EMPTY)}),
    Scenario(
        DescribeTopicPartitionsRequest,
        _partitions_from,
        "from a cursor",
        values={"topic_name": (ONE, EMPTY), "partition_index": (3, 4), "response_partition_limit": (2, 3)},
    ),
]
