"""The records of the group coordinator, byte for byte those that Apache Kafka 4.4.0 writes."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group.facts import (
    CommittedOffset,
    Fact,
    GroupMetadata,
    MetadataFact,
    OffsetFact,
    StoredMember,
    decode_fact,
    encode_fact,
)

SUBSCRIPTION = bytes.fromhex("00000000000100027431ffffffff")
TOPIC_ID = bytes.fromhex("51ad5c42000542bda56f428dd97b2497")
MEMBER = StoredMember(
    "i1-3a1ed894-0448-42a5-85c7-83c6e5153b29", "i1", "cl", "/127.0.0.1", 5_000, 10_000, SUBSCRIPTION, b"as"
)

GOLDEN: list[tuple[Fact, str, str | None]] = [
    (
        MetadataFact("g1", GroupMetadata("", 0, None, None, 0x1A20FCBFF27)),
        "000200026731",
        "0003000000000000ffffffff000001a20fcbff2700000000",
    ),
    (
        MetadataFact("gs", GroupMetadata("consumer", 3, "range", MEMBER.member_id, 0x1A20FCCDA24, (MEMBER,))),
        "000200026773",
        "00030008636f6e73756d657200000003000572616e6765002769312d33613165643839342d303434382d343261352d383563372d3833"
        "63366535313533623239000001a20fccda2400000001002769312d33613165643839342d303434382d343261352d383563372d383363"
        "366535313533623239000269310002636c000a2f3132372e302e302e3100001388000027100000000e00000000000100027431ffffff"
        "ff000000026173",
    ),
    (
        OffsetFact("g1", "t1", 0, CommittedOffset(5, 3, "md", 0x1A20FCC0082, None, TOPIC_ID)),
        "0001000267310002743100000000",
        "0004000000000000000500000003036d64000001a20fcc008201001051ad5c42000542bda56f428dd97b2497",
    ),
    (
        OffsetFact("ret", "t1", 0, CommittedOffset(5, -1, "md", 0x1A20FCC00EC, 0x1A20FCC04D4)),
        "000100037265740002743100000000",
        "0001000000000000000500026d64000001a20fcc00ec000001a20fcc04d4",
    ),
    (OffsetFact("of", "t1", 0, None), "000100026f660002743100000000", None),
    (MetadataFact("", None), "00020000", None),
]


@pytest.mark.parametrize(("fact", "key", "value"), GOLDEN)
def test_facts_are_written_as_kafka_writes_them(fact: Fact, key: str, value: str | None) -> None:
    assert encode_fact(fact) == (bytes.fromhex(key), None if value is None else bytes.fromhex(value))
    assert decode_fact(bytes.fromhex(key), None if value is None else bytes.fromhex(value)) == fact


def test_an_offset_without_topic_id_is_written_in_the_older_form() -> None:
    fact = OffsetFact("g", "t", 1, CommittedOffset(7, 2, "", 9))
    key, value = encode_fact(fact)
    assert value is not None
    assert value[:2] == b"\0\3"
    assert decode_fact(key, value) == fact


@pytest.mark.parametrize("version", [0, 1, 2, 3, 4])
def test_offsets_of_every_form_are_read(version: int) -> None:
    from neuraxis.wire.codec import encode
    from neuraxis.wire.facts.offset_commit import OffsetCommitValue

    value = version.to_bytes(2, "big") + encode(OffsetCommitValue(offset=4, commit_timestamp=8), version)
    fact = decode_fact(b"\0\1\0\1g\0\1t\0\0\0\0", value)
    assert isinstance(fact, OffsetFact)
    assert fact.committed == CommittedOffset(4, -1, "", 8)


def test_a_position_with_a_key_of_the_oldest_form_is_read() -> None:
    assert decode_fact(b"\0\0\0\1g\0\1t\0\0\0\0", None) == OffsetFact("g", "t", 0, None)


@pytest.mark.parametrize("version", [0, 1, 2, 3, 4])
def test_groups_of_every_form_are_read(version: int) -> None:
    from neuraxis.wire.codec import encode
    from neuraxis.wire.facts.group_metadata import GroupMetadataValue, MemberMetadata

    member = MemberMetadata("m", client_id="c", client_host="/h", session_timeout=9, rebalance_timeout=11)
    stored = GroupMetadataValue("consumer", 3, "range", "m", members=[member])
    fact = decode_fact(b"\0\2\0\1g", version.to_bytes(2, "big") + encode(stored, version))
    assert isinstance(fact, MetadataFact)
    assert fact.metadata is not None
    assert fact.metadata.state_timestamp_ms == -1
    assert fact.metadata.members[0].rebalance_timeout_ms == (9 if version == 0 else 11)


def test_records_of_other_kinds_of_groups_are_left_alone() -> None:
    assert decode_fact(b"\0\4\0\1g", b"\0\0") is None  # partition metadata of Kafka 3.7 to 4.0
    assert decode_fact(b"\0\13\0\1g", b"\0\0") is None  # a share group


def test_a_form_that_is_newer_than_ours_is_named() -> None:
    with pytest.raises(ValueError, match="version 5 is newer"):
        decode_fact(b"\0\2\0\1g", b"\0\5")
