from __future__ import annotations

import pytest

from neuraxis.broker.node import CATALOGUE_TOPIC
from tests.broker.admin_script import log_dirs
from tests.broker.harness import CoreHarness, batch_of


@pytest.mark.parametrize("version", range(1, 6))
def test_every_version_shows_the_bytes_of_each_partition(version: int) -> None:
    harness = CoreHarness()
    harness.create_topic("a", partitions=2)
    batch = batch_of(b"x" * 100)
    harness.connect().produce("a", batch, index=1)
    (result,) = harness.connect().request(log_dirs({"a": [1], "b": [0]}), version).results
    (topic,) = result.topics
    assert [(each.partition_index, each.partition_size) for each in topic.partitions] == [(1, len(batch))]


def test_all_topics_are_shown_when_none_is_named_but_never_the_catalogue() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    harness.create_topic("b")
    (result,) = harness.connect().request(log_dirs(None), 4).results
    assert [topic.name for topic in result.topics] == ["a", "b"]
    (result,) = harness.connect().request(log_dirs({CATALOGUE_TOPIC: [0]}), 4).results
    assert result.topics == []
