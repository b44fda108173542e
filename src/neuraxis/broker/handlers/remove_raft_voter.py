"""RemoveRaftVoter (key 81), version 0: the quorum is this node alone (kraft.version 0), so there is none to remove (35)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.remove_raft_voter import RemoveRaftVoterRequest, RemoveRaftVoterResponse
from neuraxis.wire.schema import ZERO_UUID

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(RemoveRaftVoterRequest, versions="0", needs="ALTER cluster")
def remove_raft_voter(node: Node, call: Call, request: RemoveRaftVoterRequest) -> RemoveRaftVoterResponse:
    """Refuse; one for another cluster first (104)."""
    del call
    code = ErrorCode.UNSUPPORTED_VERSION
    if request.cluster_id not in (None, node.cluster_id):
        code = ErrorCode.INCONSISTENT_CLUSTER_ID
    elif request.voter_id < 0 or request.voter_directory_id == ZERO_UUID:
        code = ErrorCode.INVALID_REQUEST
    return RemoveRaftVoterResponse(error_code=code, error_message=code.message)
