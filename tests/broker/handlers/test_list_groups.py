"""ListGroups on the wire."""

from __future__ import annotations

import pytest

from neuraxis.wire.messages.list_groups import ListGroupsRequest
from tests.broker.handlers.group_clients import COMMIT, broker, commit, stable


@pytest.mark.parametrize("version", range(6))
def test_every_group_is_listed_with_what_the_version_shows(version: int) -> None:
    _, peer = broker()
    stable(peer)
    peer.request(commit({("drive", 0): 7}, "simple"), COMMIT)
    groups = peer.request(ListGroupsRequest(), version).groups
    assert [(group.group_id, group.protocol_type) for group in groups] == [("g", "consumer"), ("simple", "")]
    assert [group.group_state for group in groups] == (["Stable", "Empty"] if version >= 4 else ["", ""])
    assert {group.group_type for group in groups} == ({"classic"} if version >= 5 else {""})


def test_groups_are_filtered_by_state_and_type() -> None:
    _, peer = broker()
    stable(peer)
    peer.request(commit({("drive", 0): 7}, "simple"), COMMIT)

    def listed(states: list[str], types: list[str]) -> list[str]:
        return [group.group_id for group in peer.request(ListGroupsRequest(states, types), 5).groups]

    assert listed(["stable"], []) == ["g"]
    assert listed(["Empty"], ["Classic"]) == ["simple"]
    assert listed([], ["consumer"]) == []


def test_a_broker_without_groups_lists_none_and_makes_no_topic_for_it() -> None:
    harness, peer = broker()
    assert peer.request(ListGroupsRequest(), 5).groups == []
    assert list(harness.node.topics) == ["drive"]
