"""Length, headers and the frame reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.wire.codec import decode, decoder, encode
from neuraxis.wire.frames import (
    FrameReader,
    counted_size,
    encode_request,
    encode_response,
    read_request_header,
    read_response_header,
)
from neuraxis.wire.messages import flexible_from
from neuraxis.wire.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from neuraxis.wire.messages.fetch import FetchableTopicResponse, FetchResponse, PartitionData
from neuraxis.wire.messages.header import RequestHeader, ResponseHeader
from neuraxis.wire.messages.produce import ProduceRequest, ProduceResponse
from neuraxis.wire.primitives import Malformed


class Range:
    length = 1000


@pytest.mark.parametrize("client_id", [None, "", "client", "größe"])
@pytest.mark.parametrize("version", [8, 9])
def test_a_request_header_comes_back_and_equals_the_declared_one(version: int, client_id: str | None) -> None:
    frame = encode_request(-5, ProduceRequest(acks=1), version, client_id)
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    key, api_version, correlation_id, name, position = read_request_header(frame[4:], flexible_from)
    assert (key, api_version, correlation_id, name) == (0, version, -5, client_id)
    assert decode(ProduceRequest, version, frame[4:], position) == (ProduceRequest(acks=1), len(frame) - 4)
    header = RequestHeader(0, version, -5, client_id)
    assert frame[4 : 4 + position] == encode(header, 2 if version == 9 else 1)


def test_unknown_tags_in_a_request_header_are_skipped() -> None:
    header = bytes.fromhex("0000 0009 00000001 ffff 01 7f 02 aabb")
    assert read_request_header(header + b"body", flexible_from) == (0, 9, 1, None, len(header))


def test_key_and_version_can_be_read_when_they_are_unknown() -> None:
    assert read_request_header(bytes.fromhex("0fff 0063 00000001 ffff"), flexible_from)[:3] == (4095, 99, 1)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "0000 0009 00000001",
        "0000 0009 00000001 0005 61",
        "0000 0009 00000001 ffff",
        "0000 0009 00000001 ffff 01 00 7f",
        "0000 0009 00000001 ffff ffffffffff",
    ],
)
def test_a_request_header_that_is_cut_short_is_malformed(data: str) -> None:
    with pytest.raises(Malformed):
        read_request_header(bytes.fromhex(data), flexible_from)


@pytest.mark.parametrize(("version", "flexible"), [(8, False), (9, True)])
def test_a_response_frame_has_the_header_of_its_version(version: int, flexible: bool) -> None:
    (frame,) = encode_response(11, ProduceResponse(throttle_time_ms=3), version, 0)
    assert isinstance(frame, bytes)
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    correlation_id, position = read_response_header(frame[4:], flexible)
    assert correlation_id == 11
    assert frame[4 : 4 + position] == encode(ResponseHeader(11), int(flexible))
    assert decode(ProduceResponse, version, frame[4:], position)[0].throttle_time_ms == 3


def test_the_response_header_of_api_versions_is_never_flexible() -> None:
    (frame,) = encode_response(11, ApiVersionsResponse(), 4, 18)
    assert isinstance(frame, bytes)
    assert decode(ApiVersionsResponse, 4, frame, 8)[0] == ApiVersionsResponse()
    assert flexible_from(18) == 3
    assert encode_request(1, ApiVersionsRequest(), 4, None)[14:15] == b"\0"


def test_a_response_keeps_spans_apart_and_counts_them_in_the_frame() -> None:
    span, large = Range(), memoryview(bytes(5000))
    partitions = [PartitionData(records=span), PartitionData(records=[b"small", large])]
    response = FetchResponse(responses=[FetchableTopicResponse(topic="t", partitions=partitions)])
    parts = encode_response(1, response, 12, 1)
    assert span in parts
    assert any(part is large for part in parts)
    first = parts[0]
    assert isinstance(first, bytes)
    whole = b"".join(bytes(part.length) if isinstance(part, Range) else part for part in parts)  # type: ignore[misc]  # no other span
    assert int.from_bytes(first[:4], "big") == len(whole) - 4
    back, end = decoder(FetchResponse, 12)(whole, 9)
    assert end == len(whole)
    assert isinstance(back, FetchResponse)
    assert [len(each.records) for each in back.responses[0].partitions] == [1000, 5005]  # type: ignore[arg-type]  # decoded records are views


@pytest.mark.parametrize("data", ["", "000000", "00000001"])
def test_a_response_header_that_is_cut_short_is_malformed(data: str) -> None:
    with pytest.raises(Malformed):
        read_response_header(bytes.fromhex(data), True)
    with pytest.raises(Malformed):
        read_response_header(bytes.fromhex("00000001 01 01"), True)


def test_a_response_is_no_request() -> None:
    with pytest.raises(ValueError, match="no request"):
        encode_request(1, ResponseHeader(), 0)


@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 20))
def test_frames_come_back_however_the_bytes_were_sliced(frames: list[bytes], step: int) -> None:
    stream = b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)
    reader = FrameReader(max_size=50)
    out = []
    for start in range(0, len(stream), step):
        reader.feed(stream[start : start + step])
        while (frame := reader.next()) is not None:
            out.append(frame)
    assert out == frames
    assert reader.next() is None


@pytest.mark.parametrize("size", ["ffffffff", "80000000", "00000065"])
def test_a_negative_or_too_large_frame_is_malformed(size: str) -> None:
    reader = FrameReader(max_size=100)
    reader.feed(bytes.fromhex(size))
    with pytest.raises(Malformed):
        reader.next()


def test_what_counts_for_a_quota_is_the_length_field_and_the_body() -> None:
    response = FetchResponse(
        responses=[FetchableTopicResponse("t", bytes(16), [PartitionData(0, records=b"abc")])]
    )
    whole = b"".join(encode_response(1, response, 12, 1))  # type: ignore[arg-type]  # no spans in it
    assert counted_size(response, 12) == len(whole) - 5
    whole = b"".join(encode_response(1, response, 4, 1))  # type: ignore[arg-type]  # see above
    assert counted_size(response, 4) == len(whole) - 4
