from __future__ import annotations

from typing import Any

from neuraxis.wire.messages.describe_topic_partitions import Cursor
from tests.broker.admin_script import partitions_of
from tests.broker.harness import CoreHarness


def pages(harness: CoreHarness, *names: str, limit: int) -> list[list[tuple[str, int]]]:
    """(topic, partition) page by page, following the cursor."""
    peer, found, cursor = harness.connect(), [], None
    for _ in range(100):
        answer: Any = peer.request(partitions_of(*names, limit=limit, cursor=cursor), 0)
        found.append(
            [(topic.name, each.partition_index) for topic in answer.topics for each in topic.partitions]
        )
        if answer.next_cursor is None:
            return found
        cursor = (answer.next_cursor.topic_name, answer.next_cursor.partition_index)
    raise AssertionError("the cursor goes round in circles")


def test_following_the_cursor_shows_every_partition_once_in_order() -> None:
    harness = CoreHarness()
    everything = []
    for name, count in (("c", 1), ("a", 3), ("b", 4)):
        harness.create_topic(name, partitions=count)
        everything += [(name, index) for index in range(count)]
    for limit in range(1, 10):
        found = pages(harness, limit=limit)
        assert [each for page in found for each in page] == sorted(everything)
        assert all(len(page) == limit for page in found[:-1])
        assert pages(harness, "b", "c", limit=limit) == pages(harness, "c", "b", "b", limit=limit)


def test_the_brokers_limit_wins_over_the_clients() -> None:
    harness = CoreHarness(max_request_partition_size_limit="2")
    harness.create_topic("a", partitions=3)
    answer = harness.connect().request(partitions_of("a", limit=100), 0)
    assert answer.next_cursor == Cursor(topic_name="a", partition_index=2)


def test_a_topic_that_went_away_between_two_pages_is_passed_over() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    harness.create_topic("c")
    answer = harness.connect().request(partitions_of(cursor=("b", 7)), 0)
    assert [topic.name for topic in answer.topics] == ["c"]
    assert answer.next_cursor is None
