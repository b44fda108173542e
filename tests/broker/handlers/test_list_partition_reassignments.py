from __future__ import annotations

from neuraxis.wire.messages.list_partition_reassignments import ListPartitionReassignmentsRequest
from tests.broker.scripts.replay import assert_kafkas_answers


def test_no_partition_is_ever_moving() -> None:
    assert_kafkas_answers("one_node", ListPartitionReassignmentsRequest)
