"""SyncGroup on the wire: versions, parking, durability before anybody learns of a share."""

from __future__ import annotations

import pytest

from tests.broker.handlers.group_clients import JOIN, broker, join, stable, sync


@pytest.mark.parametrize("version", range(6))
def test_a_share_is_handed_out_in_every_version(version: int) -> None:
    _, peer = broker()
    answer = peer.request(join(), 3)
    member = answer.member_id
    done = peer.request(sync(1, member, {member: b"all"}), version)
    assert (done.error_code, done.assignment) == (0, b"all")
    assert done.protocol_name == ("range" if version >= 5 else None)


@pytest.mark.parametrize("version", range(6))
def test_a_refusal_fits_every_version(version: int) -> None:
    _, peer = broker()
    assert peer.request(sync(1, "who"), version).error_code == 25


def test_version_5_must_name_the_protocol() -> None:
    _, peer = broker()
    member, generation = stable(peer)
    assert peer.request(sync(generation, member, protocol_type=None, protocol_name=None), 5).error_code == 23
    assert peer.request(sync(generation, member, protocol_type=None, protocol_name=None), 4).error_code == 0


def test_followers_are_parked_until_the_shares_are_on_disk() -> None:
    harness, leader = broker()
    first = leader.request(join(), JOIN).member_id
    leader.request(join(first), JOIN)
    follower = harness.connect()
    second = follower.request(join(), JOIN).member_id
    follower.send(join(second), JOIN)
    generation = leader.request(join(first), JOIN).generation_id
    follower.answers()
    follower.send(sync(generation, second), 5)
    assert follower.answers() == []
    harness.works_wait = True
    leader.send(sync(generation, first, {first: b"1", second: b"2"}), 5)
    assert (leader.answers(), follower.answers()) == ([], [])
    harness.do_works()
    ((_, one),) = leader.answers()
    ((_, two),) = follower.answers()
    assert (one.assignment, two.assignment) == (b"1", b"2")
