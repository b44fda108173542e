from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from neuraxis.broker.coordinators.topics import cluster_facts
from neuraxis.broker.coordinators.topics.cluster_facts import (
    AclFact,
    AclRule,
    ClusterFact,
    ClusterState,
    FeatureFact,
    QuotaFact,
    ScramCredential,
    ScramFact,
    Token,
    TokenFact,
)

TEXT = some.text(max_size=20)
BYTES = some.binary(max_size=40)
NUMBERS = some.integers(0, 127)
TIMES = some.integers(-1, 2**63 - 1)
ENTITIES = some.dictionaries(some.sampled_from(["user", "client-id", "ip"]), some.none() | TEXT, min_size=1)
FACTS: some.SearchStrategy[ClusterFact] = some.one_of(
    some.builds(
        QuotaFact,
        ENTITIES.map(lambda parts: tuple(sorted(parts.items()))),
        some.dictionaries(TEXT, some.floats(1, 1e12), max_size=3),
    ),
    some.builds(
        ScramFact,
        TEXT,
        some.sampled_from([1, 2]),
        some.none() | some.builds(ScramCredential, BYTES, BYTES, BYTES, some.integers(4096, 16384)),
    ),
    some.builds(
        AclFact,
        some.builds(AclRule, NUMBERS, TEXT, NUMBERS, TEXT, TEXT, NUMBERS, NUMBERS),
        some.booleans(),
    ),
    some.builds(
        TokenFact,
        TEXT,
        some.none()
        | some.builds(Token, TEXT, TEXT, some.lists(TEXT, max_size=3).map(tuple), TIMES, TIMES, TIMES, BYTES),
    ),
    some.builds(FeatureFact, TEXT, some.none() | some.integers(0, 2**15 - 1)),
)


@given(FACTS)
def test_a_fact_comes_back_from_its_record(fact: ClusterFact) -> None:
    assert cluster_facts.decode(*cluster_facts.encode(fact)) == fact


@given(some.lists(FACTS, max_size=12))
def test_a_state_comes_back_from_its_facts(facts: list[ClusterFact]) -> None:
    state = ClusterState()
    for fact in facts:
        state.apply(fact)
        assert not state.changes(fact)
    again = ClusterState()
    for fact in state.facts():
        assert again.changes(fact)
        again.apply(fact)
    assert again == state


@given(FACTS, some.integers(1, 30))
def test_a_shortened_key_is_damage_or_another_fact_and_never_this_one(fact: ClusterFact, cut: int) -> None:
    key, value = cluster_facts.encode(fact)
    try:
        other = cluster_facts.decode(key[: max(1, len(key) - cut)], value)
    except (ValueError, IndexError, struct.error):
        return
    assert other != fact


def test_the_bytes_of_version_1_stay_what_they_are() -> None:
    """Logs of earlier releases hold these bytes: a change here needs a new version beside it."""
    assert cluster_facts.encode(QuotaFact((("user", None),), {"a": 1.5})) == (
        b"\x05\x00\x00\x00\x04user\xff\xff\xff\xff",
        b"\x01\x00\x00\x00\x01a\x3f\xf8\x00\x00\x00\x00\x00\x00",
    )
    assert cluster_facts.encode(ScramFact("u", 1, ScramCredential(b"s", b"k", b"v", 4096))) == (
        b"\x06\x01\x00\x00\x00\x01u",
        b"\x01\x00\x00\x10\x00\x00\x00\x00\x01s\x00\x00\x00\x01k\x00\x00\x00\x01v",
    )
    assert cluster_facts.encode(AclFact(AclRule(2, "t", 3, "User:a", "*", 4, 3))) == (
        b"\x07\x02\x03\x04\x03\x00\x00\x00\x01t\x00\x00\x00\x06User:a\x00\x00\x00\x01*",
        b"\x01",
    )
    assert cluster_facts.encode(TokenFact("i", Token("o", "r", ("n",), 1, 2, 3, b"h"))) == (
        b"\x08\x00\x00\x00\x01i",
        b"\x01" + struct.pack(">qqq", 1, 2, 3) + b"\0\0\0\x01h\0\0\0\x01o\0\0\0\x01r\0\0\0\x01n",
    )
    assert cluster_facts.encode(FeatureFact("f", 2)) == (b"\x09\x00\x00\x00\x01f", b"\x01\x00\x02")


@pytest.mark.parametrize(
    "fact", [QuotaFact((("user", "a"),)), AclFact(AclRule(2, "t", 3, "User:a", "*", 4, 3), False)]
)
def test_a_fact_without_content_is_a_tombstone(fact: ClusterFact) -> None:
    assert cluster_facts.encode(fact)[1] is None
