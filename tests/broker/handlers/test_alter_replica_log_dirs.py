from __future__ import annotations

from neuraxis.wire.messages.alter_replica_log_dirs import AlterReplicaLogDirsRequest
from tests.broker.scripts.replay import assert_kafkas_answers


def test_replicas_stay_where_they_are_as_on_one_node_of_kafka() -> None:
    assert_kafkas_answers("one_node", AlterReplicaLogDirsRequest)
