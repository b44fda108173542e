"""Questions of many brokers: elections, reassignments, log directories, quorum, features, registrations."""

from __future__ import annotations

from compat.differential.cases import Scenario, fixed
from compat.differential.families.common import ONE, THREE, topic_steps
from compat.differential.world import UNKNOWN_ID, World
from neuraxis.wire.messages.add_raft_voter import AddRaftVoterRequest, Listener
from neuraxis.wire.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from neuraxis.wire.messages.alter_replica_log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirTopic,
)
from neuraxis.wire.messages.describe_quorum import DescribeQuorumRequest, PartitionData, TopicData
from neuraxis.wire.messages.elect_leaders import ElectLeadersRequest, TopicPartitions
from neuraxis.wire.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsTopics,
)
from neuraxis.wire.messages.remove_raft_voter import RemoveRaftVoterRequest
from neuraxis.wire.messages.unregister_broker import UnregisterBrokerRequest
from neuraxis.wire.messages.unregister_controller import UnregisterControllerRequest
from neuraxis.wire.messages.update_features import FeatureUpdateKey, UpdateFeaturesRequest

TIMEOUT_MS = 5_000
RACES = ["*timeout_ms=*"]  # as in admin.py
UPGRADE, SAFE_DOWNGRADE = 1, 2


def _elect(world: World) -> ElectLeadersRequest:
    return ElectLeadersRequest(0, [TopicPartitions(THREE, [0, 1, 9]), TopicPartitions(ONE, [0])], TIMEOUT_MS)


def _reassign(world: World) -> AlterPartitionReassignmentsRequest:
    partitions = [ReassignablePartition(0, [1]), ReassignablePartition(9, [1])]
    return AlterPartitionReassignmentsRequest(
        TIMEOUT_MS, True, [ReassignableTopic(world.name("moved"), partitions)]
    )


def _reassignments(world: World) -> ListPartitionReassignmentsRequest:
    return ListPartitionReassignmentsRequest(TIMEOUT_MS, [ListPartitionReassignmentsTopics(THREE, [0, 9])])


def _features(*updates: FeatureUpdateKey) -> UpdateFeaturesRequest:
    return UpdateFeaturesRequest(TIMEOUT_MS, list(updates), True)


SCENARIOS = [
    Scenario(ElectLeadersRequest, _elect, skip=RACES),
    Scenario(AlterPartitionReassignmentsRequest, _reassign, given=topic_steps("moved"), skip=RACES),
    Scenario(ListPartitionReassignmentsRequest, _reassignments, skip=RACES),
    Scenario(
        AlterReplicaLogDirsRequest,
        fixed(
            AlterReplicaLogDirsRequest(
                [AlterReplicaLogDir("/no/such", [AlterReplicaLogDirTopic(ONE, [0, 9])])]
            )
        ),
    ),
    Scenario(
        DescribeQuorumRequest,
        fixed(DescribeQuorumRequest([TopicData("__cluster_metadata", [PartitionData(0)])])),
    ),
    Scenario(
        UpdateFeaturesRequest,
        fixed(_features(FeatureUpdateKey("no.such.version", 1, False, UPGRADE))),
        skip=RACES,
    ),
    # Only ever a rehearsal: a broker that was downgraded would be another broker for every case after it.
    Scenario(
        UpdateFeaturesRequest,
        fixed(_features(FeatureUpdateKey("group.version", 1, False, UPGRADE))),
        "of groups",
        "1-99",
        skip=[*RACES, "*validate_only=false"],
    ),
    Scenario(
        UpdateFeaturesRequest,
        fixed(_features(FeatureUpdateKey("share.version", 0, False, SAFE_DOWNGRADE))),
        "of share groups",
        "1-99",
        skip=[*RACES, "*validate_only=false"],
    ),
    # Nobody is told to unregister the one broker and controller that there is.
    Scenario(UnregisterBrokerRequest, fixed(UnregisterBrokerRequest(77)), skip=["broker_id=1"]),
    Scenario(UnregisterControllerRequest, fixed(UnregisterControllerRequest(77)), skip=["controller_id=1"]),
    Scenario(
        AddRaftVoterRequest,
        fixed(
            AddRaftVoterRequest(
                None, TIMEOUT_MS, 77, UNKNOWN_ID, [Listener("CONTROLLER", "127.0.0.1", 9)], True
            )
        ),
        # A listener of no valid name ends Kafka: its raft thread dies of an exception.
        skip=[*RACES, "listeners*"],
    ),
    Scenario(RemoveRaftVoterRequest, fixed(RemoveRaftVoterRequest(None, 77, UNKNOWN_ID))),
]
