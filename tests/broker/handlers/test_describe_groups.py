"""DescribeGroups on the wire."""

from __future__ import annotations

import pytest

from neuraxis.wire.messages.describe_groups import DescribeGroupsRequest
from tests.broker.handlers.group_clients import SUBSCRIPTION, broker, stable

NOT_ASKED = -2147483648


@pytest.mark.parametrize("version", range(7))
def test_a_group_is_described_in_every_version(version: int) -> None:
    _, peer = broker()
    member, _ = stable(peer, group_instance_id="i")
    (group,) = peer.request(DescribeGroupsRequest(["g"]), version).groups
    assert (group.error_code, group.group_state, group.protocol_type, group.protocol_data) == (
        0,
        "Stable",
        "consumer",
        "range",
    )
    (each,) = group.members
    assert (each.member_id, each.client_id, each.client_host) == (member, "tester", "/10.0.0.7")
    assert each.group_instance_id == ("i" if version >= 4 else None)
    assert (each.member_metadata, each.member_assignment) == (SUBSCRIPTION, b"all")


@pytest.mark.parametrize(("version", "code"), [(0, 0), (5, 0), (6, 69)])
def test_a_group_that_does_not_exist_is_dead(version: int, code: int) -> None:
    _, peer = broker()
    (group,) = peer.request(DescribeGroupsRequest(["none"]), version).groups
    assert (group.error_code, group.group_state, group.members) == (code, "Dead", [])
    assert group.error_message == ("Group none not found." if code else None)


def test_authorised_operations_are_shown_when_they_are_asked_for() -> None:
    _, peer = broker()
    stable(peer)
    asked = DescribeGroupsRequest(["g", "none"], include_authorized_operations=True)
    assert [group.authorized_operations for group in peer.request(asked, 5).groups] == [3400, 3400]
    assert [group.authorized_operations for group in peer.request(asked, 6).groups] == [3400, NOT_ASKED]
    plain = DescribeGroupsRequest(["g"])
    assert [group.authorized_operations for group in peer.request(plain, 6).groups] == [NOT_ASKED]
