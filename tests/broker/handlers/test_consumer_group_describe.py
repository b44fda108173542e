from __future__ import annotations

import pytest

from neuraxis.broker.handlers.describe_groups import ALL_OPERATIONS
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.consumer_group_describe import ConsumerGroupDescribeRequest
from neuraxis.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from tests.broker.handlers import group_clients
from tests.broker.harness import CoreHarness, Peer


@pytest.fixture
def peer() -> Peer:
    broker = CoreHarness()
    broker.create_topic("drive", partitions=2)
    peer = broker.connect()
    peer.request(
        ConsumerGroupHeartbeatRequest(
            group_id="g",
            member_id="m",
            rebalance_timeout_ms=60_000,
            subscribed_topic_names=["drive"],
            topic_partitions=[],
        ),
        1,
    )
    return peer


@pytest.mark.parametrize(("version", "member_type"), [(0, -1), (1, 1)])
def test_a_group_is_shown_with_its_members(peer: Peer, version: int, member_type: int) -> None:
    (group,) = peer.request(ConsumerGroupDescribeRequest(["g"], True), version).groups
    assert (group.error_code, group.group_state, group.group_epoch, group.assignment_epoch) == (
        0,
        "Stable",
        2,
        2,
    )
    assert (group.assignor_name, group.authorized_operations) == ("uniform", ALL_OPERATIONS)
    (member,) = group.members
    assert (member.member_id, member.client_id, member.client_host) == ("m", "tester", "/10.0.0.7")
    assert (member.member_epoch, member.member_type) == (2, member_type)
    assert [(item.topic_name, item.partitions) for item in member.assignment.topic_partitions] == [
        ("drive", [0, 1])
    ]
    assert member.target_assignment == member.assignment


def test_what_is_no_consumer_group_is_told(peer: Peer) -> None:
    group_clients.stable(peer, "classic")
    groups = peer.request(ConsumerGroupDescribeRequest(["", "nobody", "classic"], True), 1).groups
    assert [group.error_code for group in groups] == [
        ErrorCode.INVALID_GROUP_ID,
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.GROUP_ID_NOT_FOUND,
    ]
    assert all(group.error_message and group.authorized_operations == -(2**31) for group in groups)
