"""Heartbeat on the wire."""

from __future__ import annotations

import pytest

from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from tests.broker.handlers.group_clients import JOIN, broker, join, stable
from tests.broker.harness import Peer


@pytest.mark.parametrize("version", range(5))
def test_a_member_is_heard_in_every_version(version: int) -> None:
    _, peer = broker()
    member, generation = stable(peer)
    assert peer.request(HeartbeatRequest("g", generation, member), version).error_code == 0
    assert peer.request(HeartbeatRequest("g", generation + 1, member), version).error_code == 22
    assert peer.request(HeartbeatRequest("g", generation, "who"), version).error_code == 25
    assert peer.request(HeartbeatRequest("none", generation, member), version).error_code == 25


def test_static_members_are_fenced_from_version_3_on() -> None:
    _, peer = broker()
    old, generation = stable(peer, group_instance_id="i")
    new, _ = stable_again(peer)
    assert peer.request(HeartbeatRequest("g", generation, old, "i"), 3).error_code == 82
    assert peer.request(HeartbeatRequest("g", generation, new, "i"), 3).error_code == 0


def stable_again(peer: Peer) -> tuple[str, int]:
    answer = peer.request(join(group_instance_id="i"), JOIN)
    return answer.member_id, answer.generation_id


def test_a_silent_member_is_forgotten_after_its_session() -> None:
    harness, peer = broker()
    member, generation = stable(peer)
    harness.advance(9_999)
    assert peer.request(HeartbeatRequest("g", generation, member), 4).error_code == 0
    harness.advance(10_000)
    assert peer.request(HeartbeatRequest("g", generation, member), 4).error_code == 25
