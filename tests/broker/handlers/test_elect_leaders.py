from __future__ import annotations

from neuraxis.wire.messages.elect_leaders import ElectLeadersRequest
from tests.broker.scripts.replay import assert_kafkas_answers


def test_elections_end_as_on_one_node_of_kafka() -> None:
    assert_kafkas_answers("one_node", ElectLeadersRequest)
