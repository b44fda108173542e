"""OffsetCommit on the wire: names and ids of topics, durability, a restart, a full disk."""

from __future__ import annotations

import pytest

from neuraxis.broker.node import OFFSETS_TOPIC
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest
from tests.broker.handlers.group_clients import COMMIT, broker, commit, commit_codes, stable, stored
from tests.broker.restart import restarted


@pytest.mark.parametrize("version", range(2, 10))
def test_a_position_is_stored_in_every_version_that_names_topics(version: int) -> None:
    _, peer = broker()
    request = commit({("drive", 0): 7, ("drive", 9): 1, ("nope", 0): 1})
    assert commit_codes(peer.request(request, version)) == [0, 3, 3]
    assert stored(peer) == 7


def test_version_10_names_topics_by_id() -> None:
    harness, peer = broker()
    topic_id = harness.node.topics["drive"].topic_id
    answer = peer.request(commit({("", 0): 7}, topic_id=topic_id), 10)
    assert [(topic.topic_id, topic.partitions[0].error_code) for topic in answer.topics] == [(topic_id, 0)]
    assert commit_codes(peer.request(commit({("", 0): 7}, topic_id=b"\1" * 16), 10)) == [100]
    assert commit_codes(peer.request(commit({("", 5): 7}, topic_id=topic_id), 10)) == [3]
    assert stored(peer) == 7


def test_a_member_commits_in_its_generation() -> None:
    _, peer = broker()
    member, generation = stable(peer)
    good = {"generation_id_or_member_epoch": generation, "member_id": member}
    assert commit_codes(peer.request(commit({("drive", 0): 1}, **good), COMMIT)) == [0]
    good["generation_id_or_member_epoch"] = 9
    assert commit_codes(peer.request(commit({("drive", 0): 1}, **good), COMMIT)) == [22]


def test_metadata_comes_back_as_it_was_given() -> None:
    from neuraxis.wire.messages.offset_fetch import OffsetFetchRequest

    _, peer = broker()
    peer.request(commit({("drive", 0): 7}, metadata="h\u00e9llo"), COMMIT)
    (topic,) = peer.request(OffsetFetchRequest("g", None), 7).topics
    (partition,) = topic.partitions
    assert (partition.committed_offset, partition.committed_leader_epoch, partition.metadata) == (
        7,
        3,
        "h\u00e9llo",
    )


def test_a_commit_is_answered_when_it_is_on_disk_and_survives_a_restart() -> None:
    harness, peer = broker()
    member, generation = stable(peer)
    good = {"generation_id_or_member_epoch": generation, "member_id": member}
    harness.works_wait = True
    peer.send(commit({("drive", 0): 7}, **good), COMMIT)
    assert peer.answers() == []
    harness.do_works()
    ((_, answer),) = peer.answers()
    assert commit_codes(answer) == [0]
    peer = restarted(harness, clean=False).connect()
    assert stored(peer) == 7
    # The group goes on: same member, same generation, without a rebalance.
    assert commit_codes(peer.request(commit({("drive", 0): 8}, **good), COMMIT)) == [0]


def test_a_topic_of_which_nothing_is_committed_is_not_answered() -> None:
    _, peer = broker()
    request = commit({("drive", 0): 7})
    request.topics[0].partitions = []
    assert peer.request(request, COMMIT).topics == []


@pytest.mark.parametrize("version", [2, 3, 4])
def test_the_longest_retention_a_client_can_ask_for_is_kept_and_stops_nothing(version: int) -> None:
    harness, peer = broker()
    request = commit({("drive", 0): 7}, retention_time_ms=(1 << 63) - 1)
    assert commit_codes(peer.request(request, version)) == [0]
    assert stored(restarted(harness).connect()) == 7


def test_commits_are_refused_while_the_disk_is_full() -> None:
    harness, peer = broker()
    harness.store.full = True
    assert commit_codes(peer.request(commit({("drive", 0): 7, ("drive", 1): 8}), COMMIT)) == [56, 56]
    assert OFFSETS_TOPIC not in harness.node.topics


def test_a_topic_of_the_same_name_does_not_inherit_positions() -> None:
    harness, peer = broker()
    peer.request(commit({("drive", 0): 7}), COMMIT)
    deleted = peer.request(DeleteTopicsRequest(topic_names=["drive"], timeout_ms=1_000), 5)
    assert deleted.responses[0].error_code == 0
    harness.create_topic("drive", partitions=2)
    assert stored(peer) == -1
