"""Facts of share groups as Kafka's records."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.share import group_facts as f
from neuraxis.broker.coordinators.share.group import Current, KnownTopic, ShareGroup, ShareMember
from neuraxis.wire.facts import encode_fact
from neuraxis.wire.facts import share_group as wire

TOPIC = bytes(range(16))
GROUP = ShareGroup(
    epoch=4,
    metadata_hash=-9,
    assignment_epoch=3,
    assigned_at_ms=77,
    members={"m": ShareMember("rack", "client", "/host", ("a", "b"))},
    targets={"m": {TOPIC: (0, 2)}},
    current={"m": Current(3, 2, {TOPIC: (0,)})},
    topics={TOPIC: KnownTopic("a", (0, 1, 2))},
)


def test_every_fact_comes_back_and_together_they_are_the_group() -> None:
    folded = ShareGroup()
    kinds = set()
    for fact in f.all_of("g", GROUP):
        key, value = f.encode_fact(fact)
        kinds.add(key[1])
        assert f.decode_fact(key, value) == fact
        f.apply(folded, fact)
    assert folded == GROUP
    assert kinds == set(range(10, 16))


def test_tombstones_come_back_and_the_last_one_ends_the_group() -> None:
    facts = list(f.tombstones("g", GROUP))
    folded = GROUP.copy()
    for fact in facts:
        key, value = f.encode_fact(fact)
        assert value is None
        assert f.decode_fact(key, value) == fact
        f.apply(folded, fact)
    assert folded == ShareGroup()
    assert isinstance(facts[-1], f.ShareEpochFact)


def test_what_is_the_same_needs_no_fact() -> None:
    assert f.differences("g", GROUP, GROUP.copy()) == []


def test_partitions_that_kafka_was_initialising_count_too() -> None:
    value = wire.ShareGroupStatePartitionMetadataValue(
        initializing_topics=[wire.TopicPartitionsInfo(TOPIC, "a", [3])],
        initialized_topics=[wire.TopicPartitionsInfo(TOPIC, "a", [1, 0])],
    )
    key = encode_fact(wire.ShareGroupStatePartitionMetadataKey("g"))
    fact = f.decode_fact(key, encode_fact(value))
    assert fact == f.ShareTopicsFact("g", {TOPIC: KnownTopic("a", (0, 1, 3))})


@pytest.mark.parametrize("kind", [2, 9, 16])
def test_other_kinds_of_records_are_left_alone(kind: int) -> None:
    assert f.decode_fact(bytes([0, kind]) + b"whatever", None) is None
