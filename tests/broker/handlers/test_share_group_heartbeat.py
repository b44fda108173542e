"""ShareGroupHeartbeat over a core: the member is described as it is, the answer follows the sync, errors say why."""

from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.share_group_describe import ShareGroupDescribeRequest
from neuraxis.wire.messages.share_group_heartbeat import ShareGroupHeartbeatRequest
from tests.broker.harness import CoreHarness


def test_a_member_joins_and_is_seen() -> None:
    broker = CoreHarness("os")
    broker.create_topic("t", partitions=2)
    peer = broker.connect()
    answer = peer.request(ShareGroupHeartbeatRequest("g", "m", 0, "rack", ["t"]), 1)
    assert (answer.error_code, answer.member_id, answer.member_epoch) == (0, "m", 2)
    (topic,) = answer.assignment.topic_partitions
    assert (topic.topic_id, topic.partitions) == (broker.node.topics["t"].topic_id, [0, 1])
    (group,) = peer.request(ShareGroupDescribeRequest(["g"]), 1).groups
    (member,) = group.members
    assert (member.client_id, member.client_host, member.rack_id) == ("tester", "/10.0.0.7", "rack")


def test_an_answer_follows_the_sync() -> None:
    broker = CoreHarness("sync")
    broker.create_topic("t")
    peer = broker.connect()
    peer.request(ShareGroupHeartbeatRequest("g", "m", 0, None, ["t"]), 1)
    broker.works_wait = True
    peer.send(ShareGroupHeartbeatRequest("g", "n", 0, None, ["t"]), 1)
    assert peer.answers() == []
    broker.do_works()
    ((_, answer),) = peer.answers()
    assert answer.error_code == 0


def test_a_refusal_has_a_message() -> None:
    peer = CoreHarness("os").connect()
    answer = peer.request(ShareGroupHeartbeatRequest("g", "m", 3, None, None), 1)
    assert answer.error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert "no share group g" in answer.error_message


def test_nobody_joins_while_the_disk_is_full() -> None:
    broker = CoreHarness("os")
    broker.store.full = True
    answer = broker.connect().request(ShareGroupHeartbeatRequest("g", "m", 0, None, ["t"]), 1)
    assert answer.error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
