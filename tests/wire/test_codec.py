"""Round trips of every message and version, and what the public functions promise."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuraxis.wire.codec import decode, decoder, encode, encode_parts, encoder
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from neuraxis.wire.messages.metadata import MetadataRequest
from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from neuraxis.wire.schema import Message
from tests.wire.instances import every_version, instances, random_instance


class Range:
    length = 10


def batches(*records: object) -> ProduceRequest:
    partitions = [PartitionProduceData(index=3, records=each) for each in records]  # type: ignore[arg-type]  # spans too
    return ProduceRequest(topic_data=[TopicProduceData(name="t", partition_data=partitions)])


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_any_instance_of_any_version_comes_back(data: st.DataObject) -> None:
    cls, version = data.draw(st.sampled_from(every_version()))
    instance = data.draw(instances(cls, version))
    out = encode(instance, version)
    assert decode(cls, version, out) == (instance, len(out))
    assert decode(cls, version, b"\xaa" + out + b"\xbb", 1) == (instance, 1 + len(out))


@pytest.mark.parametrize("seed", range(3))
def test_every_version_comes_back_from_parts_and_from_views(seed: int) -> None:
    for cls, version in every_version():
        instance = random_instance(cls, version, random.Random(f"{cls.__name__}.{version}.{seed}"))
        out = encode(instance, version)
        assert b"".join(encode_parts(instance, version)) == out  # type: ignore[arg-type]  # no spans here
        assert decode(cls, version, memoryview(bytearray(out))) == (instance, len(out)), (cls, version)


def test_every_version_of_a_new_instance_is_the_default_again() -> None:
    for cls, version in every_version():
        out = encode(cls(), version)
        assert decode(cls, version, out) == (cls(), len(out)), (cls, version)


def test_a_field_the_version_does_not_carry_is_left_out_and_comes_back_as_its_default() -> None:
    request = HeartbeatRequest(group_id="g", generation_id=4, member_id="m", group_instance_id="i")
    assert encode(request, 0) == bytes.fromhex("0001 67 00000004 0001 6d")
    back, _ = decode(HeartbeatRequest, 0, encode(request, 0))
    assert back == HeartbeatRequest(group_id="g", generation_id=4, member_id="m", group_instance_id=None)


def test_null_and_empty_arrays_are_different() -> None:
    for version in (1, 9):
        assert (
            decode(MetadataRequest, version, encode(MetadataRequest(topics=None), version))[0].topics is None
        )
        assert decode(MetadataRequest, version, encode(MetadataRequest(topics=[]), version))[0].topics == []


def test_records_are_views_of_the_input_and_never_copied() -> None:
    buffer = bytearray(encode(batches(b"abcdef"), 9))
    back, _ = decode(ProduceRequest, 9, buffer)
    view = back.topic_data[0].partition_data[0].records
    assert isinstance(view, memoryview)
    buffer[buffer.index(b"abcdef")] = ord("X")
    assert view == b"Xbcdef"


def test_a_whole_view_can_be_released_once_its_records_are() -> None:
    frame = memoryview(bytearray(encode(batches(b"abcdef"), 9)))
    back, _ = decode(ProduceRequest, 9, frame)
    view = back.topic_data[0].partition_data[0].records
    assert isinstance(view, memoryview)
    view.release()
    frame.release()


def test_small_records_are_merged_large_ones_and_spans_stay_apart() -> None:
    span, large = Range(), memoryview(bytes(4096))
    parts = encode_parts(batches(b"small", span, large, [b"a", large, span, memoryview(b"b")], None, b""), 9)
    assert [part for part in parts if not isinstance(part, bytes)] == [span, large, large, span]
    assert isinstance(parts[0], bytes)
    assert b"small" in parts[0]
    whole = b"".join(bytes(10) if isinstance(part, Range) else part for part in parts)  # type: ignore[misc]  # no other span
    back, end = decode(ProduceRequest, 9, whole)
    assert end == len(whole)
    sizes = [
        None if each.records is None else len(each.records) for each in back.topic_data[0].partition_data
    ]
    assert sizes == [5, 10, 4096, 1 + 4096 + 10 + 1, None, 0]


def test_a_span_has_no_bytes_yet_so_plain_encoding_refuses_it() -> None:
    with pytest.raises(TypeError):
        encode(batches(Range()), 9)


@pytest.mark.parametrize("version", [-1, 2, 14])
def test_a_version_that_does_not_exist_is_named(version: int) -> None:
    with pytest.raises(ValueError, match=f"ProduceRequest has versions 3-13, not {version}"):
        decode(ProduceRequest, version, b"")
    with pytest.raises(ValueError, match="has versions 3-13"):
        encode(ProduceRequest(), version)


def test_codecs_are_compiled_once() -> None:
    assert decoder(ProduceRequest, 9) is decoder(ProduceRequest, 9)
    assert encoder(ProduceRequest, 9) is encoder(ProduceRequest, 9)
    pieces: list[object] = []
    assert encoder(MetadataRequest, 9)(MetadataRequest(), pieces) is None  # type: ignore[arg-type]  # a plain list
    assert issubclass(MetadataRequest, Message)
