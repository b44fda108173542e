"""OffsetDelete on the wire."""

from __future__ import annotations

from neuraxis.wire.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
)
from tests.broker.handlers.group_clients import COMMIT, broker, commit, stable, stored


def delete(group: str = "g", topic: str = "drive", partition: int = 0) -> OffsetDeleteRequest:
    topics = [OffsetDeleteRequestTopic(topic, [OffsetDeleteRequestPartition(partition)])]
    return OffsetDeleteRequest(group, topics)


def test_a_position_is_forgotten() -> None:
    _, peer = broker()
    peer.request(commit({("drive", 0): 7, ("drive", 1): 8}), COMMIT)
    answer = peer.request(delete(), 0)
    assert (answer.error_code, answer.topics[0].partitions[0].error_code) == (0, 0)
    assert [stored(peer), stored(peer, partition=1)] == [-1, 8]


def test_what_members_read_and_what_does_not_exist_is_not_forgotten() -> None:
    _, peer = broker()
    stable(peer)
    assert peer.request(delete(), 0).topics[0].partitions[0].error_code == 86
    assert peer.request(delete(topic="nope"), 0).topics[0].partitions[0].error_code == 3
    assert peer.request(delete("none"), 0).error_code == 69
    assert peer.request(delete(""), 0).error_code == 24


def test_a_topic_of_which_nothing_is_forgotten_is_not_answered() -> None:
    _, peer = broker()
    peer.request(commit({("drive", 0): 7}), COMMIT)
    request = delete()
    request.topics[0].partitions = []
    assert peer.request(request, 0).topics == []
