from __future__ import annotations

from neuraxis.wire.messages.alter_partition_reassignments import AlterPartitionReassignmentsRequest
from tests.broker.scripts.replay import assert_kafkas_answers


def test_reassignments_are_answered_as_by_one_node_of_kafka() -> None:
    assert_kafkas_answers("one_node", AlterPartitionReassignmentsRequest)
