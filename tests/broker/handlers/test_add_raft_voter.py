from __future__ import annotations

from neuraxis.wire.messages.add_raft_voter import AddRaftVoterRequest
from tests.broker.scripts.replay import assert_kafkas_answers


def test_voters_are_refused_as_by_a_kafka_with_a_fixed_quorum() -> None:
    assert_kafkas_answers("one_node", AddRaftVoterRequest)
