from __future__ import annotations

from typing import Any

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.consumer_group_describe import ConsumerGroupDescribeRequest
from neuraxis.wire.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from neuraxis.wire.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from neuraxis.wire.messages.update_features import FeatureUpdateKey, UpdateFeaturesRequest
from tests.broker.harness import CoreHarness, Peer
from tests.broker.restart import restarted


def heartbeat(member: str, epoch: int, **fields: Any) -> ConsumerGroupHeartbeatRequest:
    return ConsumerGroupHeartbeatRequest(group_id="g", member_id=member, member_epoch=epoch, **fields)


def join(member: str, *topics: str, **fields: Any) -> ConsumerGroupHeartbeatRequest:
    subscription: dict[str, Any] = (
        {} if "subscribed_topic_regex" in fields else {"subscribed_topic_names": list(topics)}
    )
    return heartbeat(member, 0, rebalance_timeout_ms=60_000, topic_partitions=[], **subscription, **fields)


@pytest.fixture
def broker() -> CoreHarness:
    broker = CoreHarness()
    broker.create_topic("drive", partitions=2)
    return broker


def share(answer: ConsumerGroupHeartbeatResponse) -> list[int] | None:
    if answer.assignment is None:
        return None
    return sorted(each for item in answer.assignment.topic_partitions for each in item.partitions)


@pytest.mark.parametrize("version", [0, 1])
def test_a_member_joins_stays_and_leaves(broker: CoreHarness, version: int) -> None:
    peer = broker.connect()
    answer = peer.request(join("m", "drive"), version)
    assert (answer.error_code, answer.member_id, answer.member_epoch, share(answer)) == (0, "m", 2, [0, 1])
    assert answer.heartbeat_interval_ms == 5_000
    assert share(peer.request(heartbeat("m", 2), version)) is None
    assert peer.request(heartbeat("m", -1), version).member_epoch == -1
    assert peer.request(heartbeat("m", 2), version).error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_the_broker_names_a_member_of_version_0(broker: CoreHarness) -> None:
    peer = broker.connect()
    member_id = peer.request(join("", "drive"), 0).member_id
    assert len(member_id) == 36
    assert peer.request(join("", "drive"), 1).error_code == ErrorCode.INVALID_REQUEST


def test_an_expression_matches_topics_that_come_later(broker: CoreHarness) -> None:
    peer = broker.connect()
    answer = peer.request(join("m", subscribed_topic_regex="dri.*|park"), 1)
    assert share(answer) == [0, 1]
    broker.create_topic("park")
    broker.advance(1_000)
    assert share(peer.request(heartbeat("m", answer.member_epoch), 1)) == [0, 0, 1]


def test_a_topic_that_grows_is_handed_out_anew(broker: CoreHarness) -> None:
    peer = broker.connect()
    peer.request(join("m", "drive"), 1)
    peer.request(CreatePartitionsRequest([CreatePartitionsTopic("drive", 4, None)], 1_000, False), 3)
    broker.advance(1_000)
    assert share(peer.request(heartbeat("m", 2), 1)) == [0, 1, 2, 3]


def test_the_answer_waits_for_its_records_to_be_durable(broker: CoreHarness) -> None:
    peer = broker.connect()
    peer.request(join("m", "drive"), 1)
    broker.works_wait = True
    peer.send(join("n", "drive"), 1)
    assert peer.answers() == []
    broker.do_works()
    ((_, answer),) = peer.answers()
    assert answer.member_epoch == 2


def test_a_full_disk_lets_clients_ask_again(broker: CoreHarness) -> None:
    peer = broker.connect()
    broker.store.full = True
    assert peer.request(join("m", "drive"), 1).error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE


def test_the_feature_can_be_switched_off(broker: CoreHarness) -> None:
    peer = broker.connect()
    off = UpdateFeaturesRequest(feature_updates=[FeatureUpdateKey("group.version", 0, False, 2)])
    assert peer.request(off, 1).error_code == 0
    assert peer.request(join("m", "drive"), 1).error_code == ErrorCode.UNSUPPORTED_VERSION
    (shown,) = peer.request(ConsumerGroupDescribeRequest(["g"]), 1).groups
    assert shown.error_code == ErrorCode.UNSUPPORTED_VERSION


def test_a_group_goes_on_where_it_was_after_a_restart(broker: CoreHarness) -> None:
    peer = broker.connect()
    peer.request(join("m", "drive", instance_id="i"), 1)
    again = restarted(broker)
    peer = again.connect()
    assert peer.request(heartbeat("m", 2, instance_id="i"), 1).error_code == 0
    again.advance(44_999)
    assert peer.request(heartbeat("m", 2, instance_id="i"), 1).error_code == 0
    again.advance(45_000)
    assert peer.request(heartbeat("m", 2, instance_id="i"), 1).error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_two_members_share_when_one_has_let_go(broker: CoreHarness) -> None:
    peer: Peer = broker.connect()
    peer.request(join("a", "drive"), 1)
    broker.advance(1_000)
    assert share(peer.request(join("b", "drive"), 1)) == []
    assert share(peer.request(heartbeat("a", 2), 1)) == [0]
    assert share(peer.request(heartbeat("b", 3), 1)) is None
    drive = broker.node.topics["drive"].topic_id
    assert (
        peer.request(heartbeat("a", 2, topic_partitions=[TopicPartitions(drive, [0])]), 1).member_epoch == 3
    )
    assert share(peer.request(heartbeat("b", 3), 1)) == [1]
