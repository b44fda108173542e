"""LeaveGroup on the wire: one member before version 3, several after."""

from __future__ import annotations

import pytest

from neuraxis.wire.messages.leave_group import LeaveGroupRequest, MemberIdentity
from tests.broker.handlers.group_clients import JOIN, broker, join, stable


@pytest.mark.parametrize("version", range(3))
def test_before_version_3_one_member_leaves(version: int) -> None:
    _, peer = broker()
    member, _ = stable(peer)
    assert peer.request(LeaveGroupRequest("g", "who"), version).error_code == 25
    assert peer.request(LeaveGroupRequest("g", member), version).error_code == 0
    assert peer.request(join(member), JOIN).error_code == 25


@pytest.mark.parametrize("version", [3, 4, 5])
def test_from_version_3_on_each_member_has_its_code(version: int) -> None:
    _, peer = broker()
    member, _ = stable(peer)
    asked = [MemberIdentity(member), MemberIdentity("who"), MemberIdentity("", "nobody")]
    answer = peer.request(LeaveGroupRequest("g", members=asked), version)
    assert answer.error_code == 0
    shown = [(each.member_id, each.group_instance_id, each.error_code) for each in answer.members]
    assert shown == [(member, None, 0), ("who", None, 25), ("", "nobody", 25)]


@pytest.mark.parametrize(("version", "code"), [(0, 24), (5, 24)])
def test_no_group_id(version: int, code: int) -> None:
    _, peer = broker()
    asked = LeaveGroupRequest("", "m", members=[MemberIdentity("m")])
    assert peer.request(asked, version).error_code == code
