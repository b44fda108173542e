from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from neuraxis.wire.otlp import Point, read_metrics
from neuraxis.wire.primitives import Malformed


def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, data: bytes, *, fixed: bool = False) -> bytes:
    """A field of bytes; `fixed`: of eight bytes as they are."""
    return varint(field << 3 | 1) + data if fixed else varint(field << 3 | 2) + varint(len(data)) + data


def text(field: int, value: str) -> bytes:
    return message(field, value.encode())


def double(field: int, value: float) -> bytes:
    return message(field, struct.pack("<d", value), fixed=True)


def integer(field: int, value: int) -> bytes:
    return message(field, struct.pack("<q", value), fixed=True)


def attribute(field: int, key: str, value: bytes) -> bytes:
    return message(field, text(1, key) + message(2, value))


def data_of(*metrics: bytes, resource: bytes = b"") -> bytes:
    scope = b"".join(message(2, metric) for metric in metrics)
    return message(1, message(1, resource) + message(2, scope))


RESOURCE = attribute(1, "client_rack", text(1, "eu-1"))


def read(data: bytes, most: int = 100) -> list[Point]:
    return list(read_metrics(data, most))


def test_gauges_sums_and_histograms_are_read() -> None:
    gauge = text(1, "g") + text(3, "ms") + message(5, message(1, double(4, 1.5) + integer(3, 77)))
    total = text(1, "s") + message(7, message(1, integer(6, -5)) + number(2, 2) + number(3, 1))
    histogram = text(1, "h") + message(9, message(1, integer(4, 3) + double(5, 4.5) + message(6, bytes(16))))
    found = read(data_of(gauge, total, histogram, resource=RESOURCE))
    assert [
        (each.name, each.kind, each.unit, each.value, each.values, each.time_unix_nano) for each in found
    ] == [
        ("g", "gauge", "ms", 1.5, None, 77),
        ("s", "sum", "", -5, None, 0),
        ("h", "histogram", "", 4.5, 3, 0),
    ]
    assert {each.resource for each in found} == {(("client_rack", "eu-1"),)}


def test_attributes_are_texts_numbers_and_truths() -> None:
    pairs = b"".join(
        attribute(7, key, value)
        for key, value in {
            "text": text(1, "é"),
            "truth": number(2, 1),
            "count": number(3, 5),
            "below": number(3, (1 << 64) - 5),
            "real": double(4, 0.5),
            "list": message(5, b""),
        }.items()
    )
    (point,) = read(data_of(text(1, "g") + message(5, message(1, pairs + integer(6, 1)))))
    assert point.attributes == (("text", "é"), ("truth", True), ("count", 5), ("below", -5), ("real", 0.5))


def test_no_more_points_are_read_than_asked_for() -> None:
    points = b"".join(message(1, integer(6, value)) for value in range(50))
    assert [each.value for each in read(data_of(text(1, "g") + message(5, points)), 3)] == [0, 1, 2]


def test_unknown_fields_are_skipped() -> None:
    later = number(90, 1) + text(91, "x") + double(92, 1.0) + varint(93 << 3 | 5) + bytes(4)
    metric = later + text(1, "g") + message(5, later + message(1, later + integer(6, 1)))
    assert [each.value for each in read(later + data_of(metric))] == [1]


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x0a\x05",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0b",
        b"\x09\x00",
        b"\x08\x01",
    ],
)
def test_damage_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


@given(some.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read(message(1, message(2, message(2, data))))
    except Malformed:
        return
