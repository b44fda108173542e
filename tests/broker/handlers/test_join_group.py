"""JoinGroup on the wire: versions, parking, and what follows from the connection."""

from __future__ import annotations

import pytest

from neuraxis.broker.node import OFFSETS_TOPIC
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from tests.broker.handlers.group_clients import JOIN, broker, join, stable, sync


@pytest.mark.parametrize("version", range(10))
def test_a_member_joins_in_every_version(version: int) -> None:
    _, peer = broker()
    answer = peer.request(join(), version)
    if version >= 4:
        assert answer.error_code == 79
        answer = peer.request(join(answer.member_id), version)
    assert (answer.error_code, answer.generation_id, answer.protocol_name) == (0, 1, "range")
    assert [each.member_id for each in answer.members] == [answer.member_id] == [answer.leader]


@pytest.mark.parametrize("version", range(10))
def test_a_refusal_fits_every_version(version: int) -> None:
    _, peer = broker()
    answer = peer.request(join("who"), version)
    assert (answer.error_code, answer.member_id, answer.generation_id) == (25, "who", -1)
    assert answer.protocol_name == ("" if version < 7 else None)


def test_a_member_id_is_made_of_client_id_and_uuid() -> None:
    _, peer = broker()
    prefix, _, unique = peer.request(join(), JOIN).member_id.partition("-")
    assert prefix == "tester"
    assert [len(part) for part in unique.split("-")] == [8, 4, 4, 4, 12]


def test_version_0_takes_the_session_timeout_for_the_rebalance_timeout() -> None:
    harness, peer = broker()
    member = peer.request(join(session_timeout_ms=7_000), 0).member_id
    shard = harness.node.group_shard("g", harness.now)
    assert shard.state.groups["g"].membership.members[member].rebalance_timeout_ms == 7_000


def test_a_join_is_parked_until_the_others_have_come_and_holds_its_connection() -> None:
    harness, leader = broker()
    first, generation = stable(leader)
    follower = harness.connect()
    second = follower.request(join(), JOIN).member_id
    follower.send(join(second), JOIN)
    assert follower.answers() == []
    assert not follower.session.wants_input
    assert leader.request(HeartbeatRequest("g", generation, first), 4).error_code == 27
    answer = leader.request(join(first), JOIN)
    assert {each.member_id for each in answer.members} == {first, second}
    ((_, parked),) = follower.answers()
    assert (parked.generation_id, parked.leader, parked.members) == (answer.generation_id, first, [])
    assert follower.session.wants_input


def test_a_member_whose_connection_breaks_while_it_is_parked_is_waited_for_and_then_left_out() -> None:
    harness, leader = broker()
    first, _ = stable(leader)
    gone = harness.connect()
    second = gone.request(join(), JOIN).member_id
    gone.send(join(second), JOIN)
    gone.disconnect()
    answer = leader.request(join(first), JOIN)
    assert {each.member_id for each in answer.members} == {first, second}
    # The dead member never asks for its share: after the rebalance timeout the group goes on without it.
    leader.request(sync(answer.generation_id, first, {first: b"all"}), 5)
    for _ in range(12):
        harness.advance(5_000)
        leader.request(HeartbeatRequest("g", answer.generation_id, first), 4)
    assert [each.member_id for each in leader.request(join(first), JOIN).members] == [first]


def test_joins_are_put_off_while_the_disk_is_full() -> None:
    harness, peer = broker()
    harness.store.full = True
    for version in (5, 9):
        answer = peer.request(join("m"), version)
        assert (answer.error_code, answer.member_id) == (15, "m")
    assert OFFSETS_TOPIC not in harness.node.topics


def test_the_answer_to_a_join_waits_for_the_disk() -> None:
    harness, peer = broker(works_wait=True)
    peer.send(join(), JOIN)
    assert peer.answers() == []
    harness.do_works()
    ((_, answer),) = peer.answers()
    assert answer.error_code == 79
