from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from neuraxis.broker.coordinators.topics import facts
from neuraxis.broker.coordinators.topics.facts import (
    ConfigsFact,
    Fact,
    LogStartFact,
    ProducerIdsFact,
    TopicFact,
    TopicGone,
    UnknownVersion,
)

TOPIC_ID = bytes(range(16))
NAMES = some.text(min_size=1, max_size=20)
CONFIGS = some.dictionaries(some.text(max_size=20), some.text(max_size=50), max_size=5)
IDS = some.binary(min_size=16, max_size=16)
OFFSETS = some.integers(0, 2**63 - 1)
FACTS: some.SearchStrategy[Fact] = some.one_of(
    some.builds(TopicFact, NAMES, IDS, some.integers(1, 2**31 - 1), CONFIGS, some.integers(1, 2**15 - 1)),
    some.builds(TopicGone, NAMES),
    some.builds(ConfigsFact, some.sampled_from([4, 16, 32]), some.text(max_size=20), CONFIGS),
    some.builds(LogStartFact, IDS, some.integers(0, 2**31 - 1), some.none() | OFFSETS),
    some.builds(ProducerIdsFact, OFFSETS),
)


@given(FACTS)
def test_a_fact_comes_back_from_its_record(fact: Fact) -> None:
    assert facts.decode(*facts.encode(fact)) == fact


def test_the_bytes_of_version_1_stay_what_they_are() -> None:
    """Logs of earlier releases hold these bytes: a change here needs a new version beside it."""
    topic = TopicFact("t", TOPIC_ID, 3, {"a": "1", "b": ""}, 2)
    key, value = facts.encode(topic)
    assert key == b"\x01t"
    assert value == b"\x01" + TOPIC_ID + bytes.fromhex(
        "00000003 0002 0002 00000001 61 00000001 31 00000001 62 00000000"
    )
    assert facts.encode(ConfigsFact(4, "", {"a": "1"})) == (
        b"\x02\x04",
        bytes.fromhex("01 0001 00000001 61 00000001 31"),
    )
    assert facts.encode(LogStartFact(TOPIC_ID, 1, 5)) == (
        b"\x03" + TOPIC_ID + bytes([0, 0, 0, 1]),
        b"\x01" + struct.pack(">q", 5),
    )
    assert facts.encode(ProducerIdsFact(7)) == (b"\x04", b"\x01" + struct.pack(">q", 7))


def test_what_is_gone_is_a_tombstone_on_the_same_key() -> None:
    gone, there = facts.encode(TopicGone("t")), facts.encode(TopicFact("t", TOPIC_ID, 1))
    assert gone == (there[0], None)
    assert facts.encode(LogStartFact(TOPIC_ID, 1, None)) == (
        facts.encode(LogStartFact(TOPIC_ID, 1, 5))[0],
        None,
    )
    assert facts.encode(ConfigsFact(32, "g", {}))[1] is None


def test_a_kind_of_a_later_release_is_left_alone() -> None:
    assert facts.decode(b"\x63abc", b"\x01") is None
    assert facts.decode(b"", b"\x01") is None


def test_a_newer_version_of_a_known_kind_says_what_to_do() -> None:
    key, value = facts.encode(ProducerIdsFact(7))
    with pytest.raises(UnknownVersion, match="start the release that wrote it"):
        facts.decode(key, b"\x02" + (value or b"")[1:])


@given(FACTS, some.integers(0, 40))
def test_a_value_that_was_cut_is_an_error_and_no_other_fact(fact: Fact, kept: int) -> None:
    key, value = facts.encode(fact)
    if value is not None and kept < len(value):
        with pytest.raises((ValueError, struct.error)):
            facts.decode(key, value[:kept])
