"""The bytes of the raw-socket load, read back by the codec that the brokers' clients agree with."""

from __future__ import annotations

import struct

from kio.schema.produce.v9.request import ProduceRequest
from kio.schema.request_header.v2.header import RequestHeader
from kio.serial import entity_reader

from bench.frames import (
    metadata_frame,
    produce_error_at,
    produce_frame,
    produce_partition_at,
    record_batch,
)


def test_a_produce_frame_is_a_produce_request_of_one_record() -> None:
    frame = produce_frame("some-topic", b"x" * 300)
    assert struct.unpack_from(">i", frame)[0] == len(frame) - 4
    header, size = entity_reader(RequestHeader)(frame, 4)
    assert (header.request_api_key, header.request_api_version, header.client_id) == (0, 9, "bench")
    request, rest = entity_reader(ProduceRequest)(frame, 4 + size)
    assert 4 + size + rest == len(frame)
    (topic,) = request.topic_data
    assert (topic.name, request.acks) == ("some-topic", -1)
    assert topic.partition_data[0].records == record_batch(b"x" * 300)


def test_the_error_code_lies_where_the_load_generator_looks_for_it() -> None:
    name = b"some-topic"
    answer = struct.pack(">iB", 7, 0) + b"\x02" + bytes([len(name) + 1]) + name + b"\x02"
    answer += struct.pack(">ih", 0, 0x1234)
    assert answer[produce_error_at("some-topic") :] == b"\x12\x34"


def test_a_metadata_frame_has_its_length() -> None:
    frame = metadata_frame("t")
    assert struct.unpack_from(">i", frame)[0] == len(frame) - 4


def test_the_partition_of_a_produce_frame_stands_where_the_load_generator_puts_another() -> None:
    frame, at = produce_frame("drives", b"v", 0x01020304), 4 + produce_partition_at("drives")
    assert frame[at : at + 4] == b"\1\2\3\4"
