"""ListPartitionReassignments (key 46), version 0: with one broker no partition is ever on its way to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(ListPartitionReassignmentsRequest, versions="0", needs="DESCRIBE cluster")
def list_partition_reassignments(
    node: Node, call: Call, request: ListPartitionReassignmentsRequest
) -> ListPartitionReassignmentsResponse:
    """Nothing."""
    del node, call, request
    return ListPartitionReassignmentsResponse(error_message=None)
