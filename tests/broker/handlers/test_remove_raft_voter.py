from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.remove_raft_voter import RemoveRaftVoterRequest
from tests.broker.harness import CoreHarness
from tests.broker.scripts.replay import assert_kafkas_answers


def test_voters_are_refused_as_by_a_kafka_with_a_fixed_quorum() -> None:
    assert_kafkas_answers("one_node", RemoveRaftVoterRequest)


def test_a_voter_without_a_directory_or_a_number_is_42() -> None:
    peer = CoreHarness().connect()
    for request in (RemoveRaftVoterRequest(None, 7), RemoveRaftVoterRequest(None, -1, b"\1" * 16)):
        assert peer.request(request, 0).error_code == ErrorCode.INVALID_REQUEST
