"""The steps: what is refused is taken out, the rest goes on, and the two answers become one."""

from __future__ import annotations

from neuraxis.broker.authorisation.steps import Each, Shown, Whole, explain, merged, needs_of, part
from neuraxis.broker.operations import DESCRIBE, READ
from neuraxis.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
    ListOffsetsTopicResponse,
)
from neuraxis.wire.messages.offset_delete import OffsetDeleteResponse, OffsetDeleteResponseTopic
from neuraxis.wire.messages.produce import PartitionProduceResponse
from tests.broker.authorisation.test_guard import DENIED, grant, peer_of, with_a_topic


def test_the_allowed_part_is_answered_and_the_refused_part_beside_it() -> None:
    broker = with_a_topic()
    grant(broker, DESCRIBE)
    topics = [ListOffsetsTopic(name, [ListOffsetsPartition(0, -1, -1)]) for name in ("secret", "drives")]
    answer = peer_of(broker, "ann").request(ListOffsetsRequest(replica_id=-1, topics=topics), 8)
    found = {topic.name: topic.partitions[0] for topic in answer.topics}
    assert (found["drives"].error_code, found["drives"].offset) == (0, 0)
    assert (found["secret"].error_code, found["secret"].offset) == (DENIED, -1)


def test_the_request_itself_is_not_changed() -> None:
    request = ListOffsetsRequest(topics=[ListOffsetsTopic("a", [])])
    assert part(request, "topics", []).topics == []
    assert [topic.name for topic in request.topics] == ["a"]


def test_arrays_are_joined_but_an_answer_that_failed_as_a_whole_stays_as_it_is() -> None:
    one = ListOffsetsTopicResponse("a", [ListOffsetsPartitionResponse(0)])
    other = ListOffsetsTopicResponse("b", [ListOffsetsPartitionResponse(0, DENIED)])
    joined = merged(ListOffsetsResponse(topics=[one]), ListOffsetsResponse(topics=[other]))
    assert [topic.name for topic in joined.topics] == ["a", "b"]
    failed = merged(OffsetDeleteResponse(69), OffsetDeleteResponse(topics=[OffsetDeleteResponseTopic("b")]))
    assert failed.topics == []


def test_beside_an_error_stands_its_message_and_no_number_that_would_mislead() -> None:
    refused = PartitionProduceResponse(0, DENIED)
    explain(refused, "no")
    assert (refused.base_offset, refused.error_message) == (-1, "no")
    fine = PartitionProduceResponse(0, 0, 5)
    explain(fine, "no")
    assert (fine.base_offset, fine.error_message) == (5, None)


def test_steps_say_what_they_need() -> None:
    steps = (Whole(READ, 3, "group_id"), Each(READ, 2, "topics"), Shown(DESCRIBE, 3, "groups", "group_id"))
    assert needs_of(steps) == [(READ, 3), (READ, 2), (DESCRIBE, 3)]
