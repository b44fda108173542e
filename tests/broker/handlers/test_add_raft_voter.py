from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_raft_voter import AddRaftVoterRequest
from tests.broker.harness import CoreHarness
from tests.broker.scripts.replay import assert_kafkas_answers


def test_voters_are_refused_as_by_a_kafka_with_a_fixed_quorum() -> None:
    assert_kafkas_answers("one_node", AddRaftVoterRequest)


def test_a_voter_without_a_directory_is_42() -> None:
    answer = CoreHarness().connect().request(AddRaftVoterRequest(voter_id=7, cluster_id=None), 1)
    assert answer.error_code == ErrorCode.INVALID_REQUEST
