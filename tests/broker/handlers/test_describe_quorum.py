from __future__ import annotations

from neuraxis.wire.messages.describe_quorum import DescribeQuorumRequest
from tests.broker.scripts.replay import assert_kafkas_answers


def test_the_quorum_is_shown_as_by_one_node_of_kafka() -> None:
    assert_kafkas_answers(
        "one_node",
        DescribeQuorumRequest,
        different={
            "quorum v2": (
                0,
                "there is no listener for controllers: the place shown is the listener that was asked",
            )
        },
    )
