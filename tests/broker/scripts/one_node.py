"""What many brokers need and one answers for itself: elections, reassignments, log directories, quorum, features, SASL."""

from __future__ import annotations

from typing import Any

from neuraxis.wire.messages import alter_partition_reassignments as reassign
from neuraxis.wire.messages import alter_replica_log_dirs as move
from neuraxis.wire.messages import describe_quorum as quorum
from neuraxis.wire.messages import elect_leaders as elect
from neuraxis.wire.messages import list_partition_reassignments as moves
from neuraxis.wire.messages.add_raft_voter import AddRaftVoterRequest, Listener
from neuraxis.wire.messages.delete_groups import DeleteGroupsRequest
from neuraxis.wire.messages.describe_log_dirs import DescribeLogDirsRequest
from neuraxis.wire.messages.find_coordinator import FindCoordinatorRequest
from neuraxis.wire.messages.list_config_resources import ListConfigResourcesRequest
from neuraxis.wire.messages.remove_raft_voter import RemoveRaftVoterRequest
from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest
from neuraxis.wire.messages.unregister_broker import UnregisterBrokerRequest
from neuraxis.wire.messages.unregister_controller import UnregisterControllerRequest
from tests.broker.admin_script import create, topic
from tests.broker.scripts.player import Answers, Script, Step

CLUSTER_ID = "AAAAAAAAQACAAAAAAAAAAQ"
PREFERRED, UNCLEAN = 0, 1


def vote(topics: dict[str, list[int]] | list[tuple[str, list[int]]] | None, kind: int = PREFERRED) -> Any:
    if topics is None:
        return elect.ElectLeadersRequest(election_type=kind, topic_partitions=None)
    pairs = list(topics.items()) if isinstance(topics, dict) else topics
    return elect.ElectLeadersRequest(
        election_type=kind,
        topic_partitions=[elect.TopicPartitions(topic=name, partitions=parts) for name, parts in pairs],
    )


def replace(topics: list[tuple[str, list[tuple[int, list[int] | None]]]], allow: bool = True) -> Any:
    return reassign.AlterPartitionReassignmentsRequest(
        allow_replication_factor_change=allow,
        topics=[
            reassign.ReassignableTopic(
                name=name,
                partitions=[
                    reassign.ReassignablePartition(partition_index=index, replicas=replicas)
                    for index, replicas in parts
                ],
            )
            for name, parts in topics
        ],
    )


def under_way(topics: dict[str, list[int]] | None) -> Any:
    if topics is None:
        return moves.ListPartitionReassignmentsRequest(topics=None)
    return moves.ListPartitionReassignmentsRequest(
        topics=[moves.ListPartitionReassignmentsTopics(name=name, partition_indexes=parts) for name, parts in topics.items()]
    )  # fmt: skip


def move_to(path: str | None, *topics: tuple[str, list[int]]) -> Any:
    """A move to the path, or (None) to the directory that DescribeLogDirs showed."""
    items = [move.AlterReplicaLogDirTopic(name=name, partitions=parts) for name, parts in topics]
    if path is not None:
        return move.AlterReplicaLogDirsRequest(dirs=[move.AlterReplicaLogDir(path=path, topics=items)])

    def request(answers: Answers) -> Any:
        shown = answers["log dirs"].results[0].log_dir
        return move.AlterReplicaLogDirsRequest(dirs=[move.AlterReplicaLogDir(path=shown, topics=items)])

    return request


def voters(*topics: tuple[str, list[int]]) -> Any:
    return quorum.DescribeQuorumRequest(
        topics=[
            quorum.TopicData(topic_name=name, partitions=[quorum.PartitionData(partition_index=index) for index in parts])
            for name, parts in topics
        ]
    )  # fmt: skip


RAFT = [Listener(name="CONTROLLER", host="127.0.0.1", port=9999)]
ZERO = bytes(16)
SOME = bytes(range(16))


def add(cluster_id: str | None, voter_id: int) -> AddRaftVoterRequest:
    return AddRaftVoterRequest(
        cluster_id=cluster_id, timeout_ms=1000, voter_id=voter_id, voter_directory_id=SOME, listeners=RAFT
    )


LOGIN = b"\0a\0b"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "NONSENSE", "")
STEPS = [
    Step("topics", create(topic("a", 2), topic("b", 1)), 4, 500),
    # Elections
    *(Step(f"elect v{version}: all", vote(None), version) for version in (0, 1, 2)),
    *(Step(f"elect v{version}: one", vote({"a": [0]}), version) for version in (0, 1, 2)),
    Step("elect: unclean all", vote(None, UNCLEAN), 2),
    Step("elect: unclean one", vote({"a": [0, 1]}, UNCLEAN), 2),
    Step("elect: unknown topic", vote({"nope": [0]}), 2),
    Step("elect: unknown partition", vote({"a": [0, 7, -1], "b": [0]}), 2),
    Step("elect: type 2", vote({"a": [0]}, 2), 2),
    Step("elect: type -1 all", vote(None, -1), 2),
    Step("elect: nothing", vote({}), 2),
    Step("elect: no partitions", vote({"a": []}), 2),
    Step("elect: twice", vote({"a": [0, 0]}), 2),
    Step("elect: topic twice", vote([("a", [0]), ("a", [1]), ("a", [0])]), 2),
    Step("elect: unclean unknown", vote({"nope": [0], "a": [9]}, UNCLEAN), 2),
    # Reassignments
    *(Step(f"reassign v{version}: to itself", replace([("a", [(0, [1])])]), version) for version in (0, 1)),
    Step("reassign: unknown broker", replace([("a", [(0, [2])])]), 1),
    Step("reassign: two replicas", replace([("a", [(0, [1, 2])])]), 1),
    Step("reassign: twice the same", replace([("a", [(0, [1, 1])])]), 1),
    Step("reassign: no replicas", replace([("a", [(0, [])])]), 1),
    Step("reassign: negative broker", replace([("a", [(0, [-1])])]), 1),
    Step("reassign: cancel", replace([("a", [(0, None)])]), 1),
    Step("reassign: cancel v0", replace([("a", [(0, None)])]), 0),
    Step("reassign: cancel unknown topic", replace([("nope", [(0, None)])]), 1),
    Step("reassign: cancel unknown partition", replace([("a", [(9, None)])]), 1),
    Step("reassign: unknown topic", replace([("nope", [(0, [1])])]), 1),
    Step("reassign: unknown partition", replace([("a", [(9, [1])])]), 1),
    Step("reassign: partition twice", replace([("a", [(0, [1]), (0, [1])])]), 1),
    Step("reassign: topic twice", replace([("a", [(0, [1])]), ("a", [(1, [1])])]), 1),
    Step("reassign: several", replace([("a", [(0, [1]), (1, [2])]), ("b", [(0, None)])]), 1),
    Step("reassign: nothing", replace([]), 1),
    Step("reassign: no partitions", replace([("a", [])]), 1),
    Step("reassign: factor fixed", replace([("a", [(0, [1])])], allow=False), 1),
    Step("reassign: factor fixed and changed", replace([("a", [(0, [1, 2])])], allow=False), 1),
    Step("moves: all", under_way(None), 0),
    Step("moves: some", under_way({"a": [0, 1], "b": [0]}), 0),
    Step("moves: unknown", under_way({"nope": [0], "a": [9]}), 0),
    Step("moves: nothing", under_way({}), 0),
    # Log directories
    Step("log dirs", DescribeLogDirsRequest(topics=[]), 4),
    *(Step(f"move v{version}: to itself", move_to(None, ("a", [0])), version) for version in (1, 2)),
    Step("move: unknown directory", move_to("/no/such/directory", ("a", [0])), 2),
    Step("move: relative directory", move_to("data", ("a", [0])), 2),
    Step("move: empty directory", move_to("", ("a", [0])), 2),
    Step("move: unknown topic", move_to(None, ("nope", [0])), 2),
    Step("move: unknown topic and directory", move_to("/no/such/directory", ("nope", [0])), 2),
    Step("move: unknown partition", move_to(None, ("a", [9, 0])), 2),
    Step("move: nothing", move.AlterReplicaLogDirsRequest(dirs=[]), 2),
    Step("move: no topics", move_to(None), 2),
    # The quorum
    *(Step(f"quorum v{version}", voters(("__cluster_metadata", [0])), version) for version in (0, 1, 2)),
    Step("quorum: other topic", voters(("a", [0])), 2),
    Step("quorum: other partition", voters(("__cluster_metadata", [1])), 2),
    Step("quorum: two partitions", voters(("__cluster_metadata", [0, 1])), 2),
    Step("quorum: two topics", voters(("__cluster_metadata", [0]), ("a", [0])), 2),
    Step("quorum: nothing", voters(), 2),
    Step("unregister: unknown broker", UnregisterBrokerRequest(broker_id=7), 0),
    Step("unregister: negative broker", UnregisterBrokerRequest(broker_id=-1), 0),
    Step("unregister: unknown controller", UnregisterControllerRequest(controller_id=7), 0),
    Step("unregister: negative controller", UnregisterControllerRequest(controller_id=-1), 0),
    *(Step(f"add voter v{version}", add(CLUSTER_ID, 2), version) for version in (0, 1)),
    Step("add voter: itself", add(None, 1), 1),
    Step("add voter: other cluster", add("x", 2), 1),
    Step("add voter: no id", add(None, -1), 1),
    Step("add voter: no listeners", AddRaftVoterRequest(timeout_ms=1000, voter_id=2, voter_directory_id=ZERO), 1),
    Step("remove voter: unknown", RemoveRaftVoterRequest(voter_id=2, voter_directory_id=SOME), 0),
    Step("remove voter: itself", RemoveRaftVoterRequest(voter_id=1, voter_directory_id=SOME), 0),
    Step("remove voter", RemoveRaftVoterRequest(cluster_id=CLUSTER_ID, voter_id=1, voter_directory_id=SOME), 0),
    Step("remove voter: other cluster", RemoveRaftVoterRequest(cluster_id="x", voter_id=2, voter_directory_id=SOME), 0),
    # Groups
    Step("coordinator", FindCoordinatorRequest(key="nope"), 1, 3000),
    *(Step(f"delete groups v{version}", DeleteGroupsRequest(groups_names=["nope"]), version) for version in (0, 1, 2, 3)),
    Step("delete groups: empty name", DeleteGroupsRequest(groups_names=[""]), 3),
    Step("delete groups: twice", DeleteGroupsRequest(groups_names=["nope", "nope"]), 3),
    Step("delete groups: nothing", DeleteGroupsRequest(groups_names=[]), 3),
    *(
        Step(f"resources of type {kind}", ListConfigResourcesRequest(resource_types=[kind]), 1)
        for kind in (0, 1, 2, 3, 4, 8, 16, 32, 64, -1)
    ),
    Step("resources of a good and a bad type", ListConfigResourcesRequest(resource_types=[2, 99]), 1),
    Step("resources twice", ListConfigResourcesRequest(resource_types=[2, 2]), 1),
    # SASL on a listener without it, each on a connection of its own: what follows may be closed
    *(
        Step(f"handshake v{version}: {name}", SaslHandshakeRequest(mechanism=name), version, 0, f"sasl-{version}-{name}")
        for version in (0, 1)
        for name in MECHANISMS
    ),
    *(
        Step(f"authenticate v{version}", SaslAuthenticateRequest(auth_bytes=LOGIN), version, 0, f"auth-{version}")
        for version in (0, 1, 2)
    ),
    Step("after the handshake: authenticate", SaslAuthenticateRequest(auth_bytes=LOGIN), 2, 0, "sasl-1-PLAIN"),
    Step("after the handshake: metadata", UnregisterBrokerRequest(broker_id=7), 0, 0, "sasl-1-PLAIN"),
]  # fmt: skip

SCRIPT = Script(STEPS)
