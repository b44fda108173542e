"""Keys and values of internal topics: the number before them, and what a reader does with one it does not know."""

from __future__ import annotations

import random

import pytest

from neuraxis.wire.facts import UnknownFact, decode_fact, decode_key, encode_fact, record_type
from neuraxis.wire.facts.group_metadata import GroupMetadataKey, GroupMetadataValue
from neuraxis.wire.facts.offset_commit import OffsetCommitKey, OffsetCommitValue
from neuraxis.wire.messages.consumer_protocol import ConsumerProtocolAssignment
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from neuraxis.wire.primitives import Malformed
from neuraxis.wire.schema import Message, schema_of
from tests.wire.instances import declared, random_instance

KEYS: dict[int, type] = {1: OffsetCommitKey, 2: GroupMetadataKey}


def test_a_key_starts_with_its_record_type() -> None:
    key = OffsetCommitKey("group", "events", 1)
    data = encode_fact(key)
    assert (record_type(data), data[2:4]) == (1, b"\0\5")
    assert decode_key(KEYS, data) == key
    assert decode_key(KEYS, encode_fact(GroupMetadataKey("g"))) == GroupMetadataKey("g")


def test_a_value_starts_with_its_version() -> None:
    value = OffsetCommitValue(offset=42, metadata="m", commit_timestamp=1000)
    for version in range(5):
        data = encode_fact(value, version)
        assert record_type(data) == version
        assert decode_fact(OffsetCommitValue, data) == value


def test_an_unknown_type_or_version_is_named() -> None:
    with pytest.raises(UnknownFact, match="record type 99"):
        decode_key(KEYS, b"\0\x63")
    with pytest.raises(UnknownFact, match="GroupMetadataValue version 9"):
        decode_fact(GroupMetadataValue, b"\0\x09")


def test_a_fact_that_is_cut_short_is_malformed() -> None:
    with pytest.raises(Malformed):
        decode_fact(GroupMetadataValue, b"\0")
    with pytest.raises(Malformed):
        decode_key(KEYS, encode_fact(OffsetCommitKey("group", "events", 1))[:-1])


def test_what_clients_write_inside_groups_starts_with_its_version_too() -> None:
    assignment = ConsumerProtocolAssignment(user_data=b"u")
    assert decode_fact(ConsumerProtocolAssignment, encode_fact(assignment, 1)) == assignment
    assert encode_fact(HeartbeatRequest(), 4)[:2] == b"\0\4"


def test_record_types_are_unique_within_a_coordinator() -> None:
    keys = [cls for cls in declared().values() if schema_of(cls).kind == "coordinator-key"]
    elsewhere = ("Transaction", "ShareSnapshot", "ShareUpdate")
    group = [schema_of(cls).key for cls in keys if not cls.__name__.startswith(elsewhere)]
    assert len(group) == len(set(group))


def test_every_fact_comes_back() -> None:
    facts: list[type[Message]] = [cls for cls in declared().values() if "coordinator" in schema_of(cls).kind]
    for cls in facts:
        for version in schema_of(cls).versions:
            fact = random_instance(cls, version, random.Random(f"{cls.__name__}.{version}"))
            data = encode_fact(fact, version)
            if schema_of(cls).kind == "coordinator-key":
                assert decode_key({schema_of(cls).key or 0: cls}, data) == fact
            else:
                assert decode_fact(cls, data) == fact
