"""OffsetFetch on the wire: one group or several, some topics or all, by name or by id."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.wire.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
)
from tests.broker.handlers.group_clients import COMMIT, broker, commit


def shown(topics: Any) -> list[tuple[str, int, int, int, str, int]]:
    return [
        (
            topic.name,
            each.partition_index,
            each.committed_offset,
            each.committed_leader_epoch,
            each.metadata,
            each.error_code,
        )
        for topic in topics
        for each in topic.partitions
    ]


@pytest.mark.parametrize("version", range(1, 8))
def test_one_group_is_asked_for_by_topic_and_partition(version: int) -> None:
    _, peer = broker()
    peer.request(commit({("drive", 0): 7}, metadata="m"), COMMIT)
    asked = [OffsetFetchRequestTopic("drive", [0, 1, 9]), OffsetFetchRequestTopic("nope", [0])]
    answer = peer.request(OffsetFetchRequest("g", asked), version)
    assert answer.error_code == 0
    assert shown(answer.topics) == [
        ("drive", 0, 7, 3 if version >= 5 else -1, "m", 0),
        ("drive", 1, -1, -1, "", 0),
        ("drive", 9, -1, -1, "", 0),
        ("nope", 0, -1, -1, "", 0),
    ]


@pytest.mark.parametrize("version", range(2, 8))
def test_all_topics_of_one_group(version: int) -> None:
    _, peer = broker()
    peer.request(commit({("drive", 0): 7, ("drive", 1): 8}), COMMIT)
    assert [row[:3] for row in shown(peer.request(OffsetFetchRequest("g", None), version).topics)] == [
        ("drive", 0, 7),
        ("drive", 1, 8),
    ]
    assert peer.request(OffsetFetchRequest("g", []), version).topics == []


@pytest.mark.parametrize("version", [7, 8, 9])
def test_a_group_that_does_not_exist_has_no_positions_and_no_error(version: int) -> None:
    _, peer = broker()
    old = [OffsetFetchRequestTopic("drive", [0])]
    new = [OffsetFetchRequestGroup("none", topics=[OffsetFetchRequestTopics("drive", bytes(16), [0])])]
    answer = peer.request(OffsetFetchRequest("none", old, new, require_stable=True), version)
    topics = answer.topics if version < 8 else answer.groups[0].topics
    assert shown(topics) == [("drive", 0, -1, -1, "", 0)]
    assert answer.error_code == 0


@pytest.mark.parametrize("version", [8, 9])
def test_several_groups_at_once(version: int) -> None:
    _, peer = broker()
    peer.request(commit({("drive", 0): 7}), COMMIT)
    peer.request(commit({("drive", 1): 8}, "h"), COMMIT)
    some = [OffsetFetchRequestTopics("drive", bytes(16), [0])]
    groups = [
        OffsetFetchRequestGroup("g", topics=some),
        OffsetFetchRequestGroup("h", topics=None),
        OffsetFetchRequestGroup("none", topics=None),
    ]
    answer = peer.request(OffsetFetchRequest(groups=groups), version)
    assert [(group.group_id, group.error_code) for group in answer.groups] == [
        ("g", 0),
        ("h", 0),
        ("none", 0),
    ]
    assert [[row[:3] for row in shown(group.topics)] for group in answer.groups] == [
        [("drive", 0, 7)],
        [("drive", 1, 8)],
        [],
    ]


def test_version_10_names_topics_by_id() -> None:
    harness, peer = broker()
    topic_id = harness.node.topics["drive"].topic_id
    peer.request(commit({("drive", 0): 7}), COMMIT)
    some = [OffsetFetchRequestTopics("", topic_id, [0, 1]), OffsetFetchRequestTopics("", b"\1" * 16, [0])]
    groups = [OffsetFetchRequestGroup("g", topics=some), OffsetFetchRequestGroup("g", topics=None)]
    named, everything = peer.request(OffsetFetchRequest(groups=groups), 10).groups
    assert [topic.topic_id for topic in named.topics] == [topic_id, b"\1" * 16]
    assert [(row[2], row[5]) for row in shown(named.topics)] == [(7, 0), (-1, 0), (-1, 100)]
    assert [(topic.topic_id, topic.partitions[0].committed_offset) for topic in everything.topics] == [
        (topic_id, 7)
    ]
