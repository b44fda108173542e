from __future__ import annotations

from neuraxis.wire.messages.alter_replica_log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirTopic,
)
from tests.broker.harness import CoreHarness
from tests.broker.scripts.replay import assert_kafkas_answers


def test_replicas_stay_where_they_are_as_on_one_node_of_kafka() -> None:
    assert_kafkas_answers("one_node", AlterReplicaLogDirsRequest)


def test_a_partition_is_answered_once_and_a_topic_without_any_not_at_all() -> None:
    topics = [AlterReplicaLogDirTopic("a", [0, 0]), AlterReplicaLogDirTopic("b", [])]
    request = AlterReplicaLogDirsRequest([AlterReplicaLogDir("/no/such", topics)] * 2)
    (result,) = CoreHarness().connect().request(request, 2).results
    assert (result.topic_name, [each.partition_index for each in result.partitions]) == ("a", [0])
