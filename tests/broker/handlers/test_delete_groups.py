"""DeleteGroups on the wire."""

from __future__ import annotations

import pytest

from neuraxis.wire.messages.delete_groups import DeleteGroupsRequest
from neuraxis.wire.messages.list_groups import ListGroupsRequest
from tests.broker.handlers.group_clients import COMMIT, broker, commit, stable, stored
from tests.broker.scripts.replay import assert_kafkas_answers


@pytest.mark.parametrize("version", range(4))
def test_each_group_is_deleted_or_has_its_code(version: int) -> None:
    _, peer = broker()
    stable(peer, "active")
    peer.request(commit({("drive", 0): 7}), COMMIT)
    answer = peer.request(DeleteGroupsRequest(["g", "none", "active", "g"]), version)
    assert [(each.group_id, each.error_code) for each in answer.results] == [
        ("g", 0),
        ("none", 69),
        ("active", 68),
    ]
    assert (answer.results[2].error_message is not None) == (version >= 3)
    assert [group.group_id for group in peer.request(ListGroupsRequest(), 0).groups] == ["active"]
    assert stored(peer) == -1


def test_a_deletion_is_answered_when_it_is_on_disk() -> None:
    harness, peer = broker()
    peer.request(commit({("drive", 0): 7}), COMMIT)
    harness.works_wait = True
    peer.send(DeleteGroupsRequest(["g"]), 3)
    assert peer.answers() == []
    harness.do_works()
    ((_, answer),) = peer.answers()
    assert answer.results[0].error_code == 0


def test_unknown_groups_are_refused_as_by_kafka_with_a_word_more() -> None:
    names = ("delete groups v3", "delete groups: empty name", "delete groups: twice")
    reason = "Kafka leaves the message of v3 null for a group that it does not know"
    assert_kafkas_answers("one_node", DeleteGroupsRequest, different=dict.fromkeys(names, (69, reason)))
