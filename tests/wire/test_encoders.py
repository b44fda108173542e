"""Limits and special cases of generated encoders."""

from __future__ import annotations

import struct

import pytest

from neuraxis.wire.codec import decode, encode
from neuraxis.wire.encoders import LARGE, add_records, records_length
from neuraxis.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatResponse
from neuraxis.wire.messages.fetch import FetchResponse, NodeEndpoint
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from neuraxis.wire.messages.produce import (
    LeaderIdAndEpoch,
    PartitionProduceResponse,
    ProduceResponse,
    TopicProduceResponse,
)


class Range:
    length = 10


@pytest.mark.parametrize("version", [3, 4])
def test_a_string_longer_than_a_16_bit_length_is_refused(version: int) -> None:
    encode(HeartbeatRequest(group_id="g" * 32767), version)
    with pytest.raises(ValueError, match="group_id has 32768 bytes"):
        encode(HeartbeatRequest(group_id="g" * 32768), version)


@pytest.mark.parametrize("value", [1 << 31, "1", None])
def test_a_value_that_does_not_fit_is_refused(value: object) -> None:
    with pytest.raises(struct.error):
        encode(HeartbeatRequest(generation_id=value), 4)  # type: ignore[arg-type]  # that is the test


def test_tagged_fields_are_written_only_when_they_differ_from_their_default() -> None:
    def response(leader: LeaderIdAndEpoch | None) -> ProduceResponse:
        partition = PartitionProduceResponse(current_leader=leader)
        return ProduceResponse(responses=[TopicProduceResponse(name="t", partition_responses=[partition])])

    without = encode(response(None), 10)
    assert encode(response(LeaderIdAndEpoch()), 10) == without
    with_leader = encode(response(LeaderIdAndEpoch(1, 2)), 10)
    assert bytes.fromhex("01 00 09 00000001 00000002 00") in with_leader
    assert len(with_leader) == len(without) + 11


def test_a_long_tagged_array_has_a_long_length() -> None:
    response = FetchResponse(node_endpoints=[NodeEndpoint(node, "host", 9092) for node in range(300)])
    assert decode(FetchResponse, 16, encode(response, 16))[0] == response


def test_a_null_struct_is_one_byte() -> None:
    assert encode(ConsumerGroupHeartbeatResponse(), 0)[-2:] == b"\xff\0"


def test_the_length_of_records_is_that_of_all_their_parts() -> None:
    assert records_length([b"ab", memoryview(b"c"), Range(), (bytearray(b"d"), b"")]) == 14


def test_only_large_records_and_spans_are_named_as_cuts() -> None:
    pieces: list[object] = [b"head"]
    large = bytes(LARGE)
    assert add_records(pieces, [bytes(LARGE - 1), large, Range()], None) == [2, 3]  # type: ignore[arg-type]  # a plain list
    assert pieces[2] is large
