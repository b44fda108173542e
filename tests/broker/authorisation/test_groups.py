"""What requests about groups are asked; `test_walk.py` compares whole answers with Kafka's."""

from __future__ import annotations

from neuraxis.wire.messages.find_coordinator import FindCoordinatorRequest
from neuraxis.wire.messages.list_groups import ListGroupsRequest
from neuraxis.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from tests.broker.authorisation.test_guard import grant, peer_of, with_a_topic

GROUP_DENIED = 30


def test_a_list_of_groups_holds_those_that_may_be_described() -> None:
    broker = with_a_topic()
    partition = OffsetCommitRequestPartition(0, 5, -1, "")
    for group_id in ("mine", "theirs"):
        commit = OffsetCommitRequest(
            group_id=group_id,
            generation_id_or_member_epoch=-1,
            topics=[OffsetCommitRequestTopic(name="drives", partitions=[partition])],
        )
        answer = peer_of(broker, "admin").request(commit, 8)
        assert answer.topics[0].partitions[0].error_code == 0
    grant(broker, 3, kind=3, name="mine")
    assert [each.group_id for each in peer_of(broker, "ann").request(ListGroupsRequest(), 4).groups] == [
        "mine"
    ]


def test_of_several_coordinators_only_the_allowed_are_found() -> None:
    broker = with_a_topic()
    grant(broker, 3, kind=3, name="mine")
    request = FindCoordinatorRequest(key_type=0, coordinator_keys=["theirs", "mine"])
    found = peer_of(broker, "ann").request(request, 4).coordinators
    assert {each.key: (each.error_code, each.node_id) for each in found} == {
        "mine": (0, 1),
        "theirs": (GROUP_DENIED, -1),
    }
