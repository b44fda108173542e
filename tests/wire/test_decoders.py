"""What generated decoders take and refuse, as Kafka does."""

from __future__ import annotations

import pytest

from fuzz import messages as fuzzing
from neuraxis.wire.codec import decode, encode
from neuraxis.wire.messages.api_versions import ApiVersionsResponse, SupportedFeatureKey
from neuraxis.wire.messages.fetch import FetchRequest
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from neuraxis.wire.messages.list_groups import ListGroupsRequest
from neuraxis.wire.messages.metadata import MetadataRequest
from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from neuraxis.wire.primitives import Malformed, encode_uvarint


def test_bytes_after_a_body_are_not_malformed() -> None:
    out = encode(HeartbeatRequest(group_id="g"), 4)
    assert decode(HeartbeatRequest, 4, out + b"more") == (HeartbeatRequest(group_id="g"), len(out))


def test_unknown_tags_are_skipped() -> None:
    out = encode(HeartbeatRequest(group_id="g"), 4)
    assert out.endswith(b"\0")
    extended = out[:-1] + b"\x02" + b"\x07\x02ab" + b"\x80\x01\x00"
    assert decode(HeartbeatRequest, 4, extended) == (HeartbeatRequest(group_id="g"), len(extended))


def test_unknown_tags_beside_known_ones_are_skipped() -> None:
    response = ApiVersionsResponse(supported_features=[SupportedFeatureKey("f", 0, 1)])
    out = encode(response, 3)
    place = out.index(b"\x01\x00", 7)
    extended = out[:place] + b"\x02" + out[place + 1 :] + b"\x09\x01z"
    assert decode(ApiVersionsResponse, 3, extended) == (response, len(extended))


def test_invalid_utf8_is_not_malformed() -> None:
    assert decode(HeartbeatRequest, 0, bytes.fromhex("0002 ff61 00000000 0000"))[0].group_id == "�a"


@pytest.mark.parametrize("version", [0, 4])
def test_every_proper_prefix_is_malformed(version: int) -> None:
    out = encode(HeartbeatRequest("group", 1, "member", "instance"), version)
    for size in range(len(out)):
        with pytest.raises(Malformed):
            decode(HeartbeatRequest, version, out[:size])


def test_the_reason_names_message_version_and_field() -> None:
    with pytest.raises(Malformed, match="HeartbeatRequest version 4 is cut short"):
        decode(HeartbeatRequest, 4, b"\x05")
    with pytest.raises(Malformed, match=r"HeartbeatRequest\.group_id is null"):
        decode(HeartbeatRequest, 0, b"\xff\xff")
    with pytest.raises(Malformed, match=r"HeartbeatRequest\.group_id is null"):
        decode(HeartbeatRequest, 4, b"\0")


def test_null_where_null_is_allowed_is_any_negative_length() -> None:
    assert decode(MetadataRequest, 1, bytes.fromhex("80000000"))[0].topics is None
    with pytest.raises(Malformed, match="is null"):
        decode(MetadataRequest, 0, bytes.fromhex("ffffffff"))


@pytest.mark.parametrize("count", [2, 1_000_000, 1_000_001, 0x7FFFFFFF])
def test_an_array_longer_than_the_bytes_left_is_refused_before_it_is_allocated(count: int) -> None:
    with pytest.raises(Malformed, match="elements"):
        decode(MetadataRequest, 1, count.to_bytes(4, "big") + b"\0")
    if count < 0x7FFFFFFF:
        with pytest.raises(Malformed, match="elements"):
            decode(MetadataRequest, 9, encode_uvarint(count + 1) + b"\0")


def test_more_than_a_million_elements_are_refused_even_when_they_are_there() -> None:
    with pytest.raises(Malformed, match="at most 1000000"):
        decode(ListGroupsRequest, 4, encode_uvarint(1_000_002) + bytes(1_000_010))


def test_a_compact_string_is_no_longer_than_a_legacy_one() -> None:
    with pytest.raises(Malformed, match="group_id has 32768 bytes"):
        decode(HeartbeatRequest, 4, encode_uvarint(32769) + bytes(40_000))


def test_too_many_tags_are_refused_also_where_tags_are_known() -> None:
    body = encode(FetchRequest(), 12)[:-1]
    with pytest.raises(Malformed, match="10001 tagged fields"):
        decode(FetchRequest, 12, body + encode_uvarint(10_001) + bytes(40_000))


def test_a_known_tag_must_fill_its_size() -> None:
    body = encode(FetchRequest(), 12)[:-1]
    assert decode(FetchRequest, 12, body + bytes.fromhex("01 00 02 02 61"))[0].cluster_id == "a"
    with pytest.raises(Malformed, match="does not fill its tag"):
        decode(FetchRequest, 12, body + bytes.fromhex("01 00 03 02 61 00"))


def test_records_that_end_too_early_are_malformed() -> None:
    partition = PartitionProduceData(records=bytes(300))
    out = encode(ProduceRequest(topic_data=[TopicProduceData(name="t", partition_data=[partition])]), 3)
    with pytest.raises(Malformed):
        decode(ProduceRequest, 3, out[:-1])


@pytest.mark.parametrize("family", fuzzing.TARGETS)
def test_hostile_bytes_are_malformed_or_a_message_and_memory_stays_bounded(family: str) -> None:
    assert fuzzing.run(family, seed=1, iterations=2000 // len(fuzzing.TARGETS)) > 0
