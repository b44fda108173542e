"""Reads OpenTelemetry metrics (OTLP) in protobuf, as Kafka clients push them: names, attributes and numbers.

Rule of the file: unknown fields are skipped, damage raises `Malformed`, and nothing is kept beyond `max_points`.
Field numbers are those of opentelemetry/proto/metrics/v1/metrics.proto; exponential histograms and summaries are left out.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.wire.primitives import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.wire.crc import Buffer

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10

_GAUGE, _SUM, _HISTOGRAM = 5, 7, 9
KINDS = {_GAUGE: "gauge", _SUM: "sum", _HISTOGRAM: "histogram"}
"""Field number of a metric's data to what it is."""

Field = tuple[int, int, "int | memoryview"]
Value = str | int | float | bool


class Point(NamedTuple):
    """One number. A histogram's is its sum, and `values` how many went into it (None elsewhere)."""

    name: str
    kind: str
    unit: str
    attributes: tuple[tuple[str, Value], ...]
    value: int | float
    values: int | None
    time_unix_nano: int
    resource: tuple[tuple[str, Value], ...]


def read_metrics(data: Buffer, max_points: int) -> Iterator[Point]:
    """The points of a `MetricsData`, at most `max_points` of them. Raises Malformed."""
    left = max_points
    for number, _, resource_metrics in _fields(memoryview(data)):
        if number != 1:
            continue
        resource: tuple[tuple[str, Value], ...] = ()
        scopes = []
        for inner, _, value in _fields(_view(resource_metrics)):
            if inner == 1:
                resource = _attributes(_view(value), 1)
            elif inner == 2:
                scopes.append(_view(value))
        for scope in scopes:
            for inner, _, metric in _fields(scope):
                if inner != 2:
                    continue
                for point in _metric(_view(metric), resource):
                    if not left:
                        return
                    left -= 1
                    yield point


def _metric(data: memoryview, resource: tuple[tuple[str, Value], ...]) -> Iterator[Point]:
    name = unit = ""
    series: list[tuple[str, memoryview]] = []
    for number, _, value in _fields(data):
        if number == 1:
            name = _text(value)
        elif number == 3:
            unit = _text(value)
        elif number in KINDS:
            series.append((KINDS[number], _view(value)))
    for kind, points in series:
        for number, _, value in _fields(points):
            if number == 1:
                yield _point(_view(value), name, kind, unit, resource)


def _point(
    data: memoryview, name: str, kind: str, unit: str, resource: tuple[tuple[str, Value], ...]
) -> Point:
    histogram = kind == KINDS[_HISTOGRAM]
    number_of_attributes = 9 if histogram else 7
    value: int | float = 0
    count, time = None, 0
    for number, wire_type, raw in _fields(data):
        if number == 3 and wire_type == _FIXED64:
            time = _fixed(raw, "<Q")
        elif number == 4 and wire_type == _FIXED64:
            if histogram:
                count = _fixed(raw, "<Q")
            else:
                value = _double(raw)
        elif number == 5 and histogram and wire_type == _FIXED64:
            value = _double(raw)
        elif number == 6 and not histogram and wire_type == _FIXED64:
            value = _fixed(raw, "<q")
    attributes = _attributes(data, number_of_attributes)
    return Point(name, kind, unit, attributes, value, count, time, resource)


def _attributes(data: memoryview, number: int) -> tuple[tuple[str, Value], ...]:
    """The key-value pairs in the repeated field of this number."""
    found = []
    for each, _, pair in _fields(data):
        if each != number:
            continue
        key, value = "", None
        for inner, _, raw in _fields(_view(pair)):
            if inner == 1:
                key = _text(raw)
            elif inner == 2:
                value = _any_value(_view(raw))
        if value is not None:
            found.append((key, value))
    return tuple(found)


def _any_value(data: memoryview) -> Value | None:
    for number, wire_type, raw in _fields(data):
        if number == 1 and wire_type == _LENGTH:
            return _text(raw)
        if number == 2 and isinstance(raw, int):
            return bool(raw)
        if number == 3 and isinstance(raw, int):
            return raw - (1 << 64) if raw >> 63 else raw
        if number == 4 and wire_type == _FIXED64:
            return _double(raw)
    return None


def _fields(data: memoryview) -> Iterator[Field]:
    """Number, wire type and value of each field: an integer for varints, else the bytes."""
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, position = _varint(data, position)
            yield number, wire_type, value
            continue
        if wire_type == _LENGTH:
            length, position = _varint(data, position)
        elif wire_type in (_FIXED64, _FIXED32):
            length = 8 if wire_type == _FIXED64 else 4
        else:
            raise Malformed(f"protobuf wire type {wire_type} at byte {position}")
        if position + length > end:
            raise Malformed(f"protobuf field {number} is cut short at byte {position}")
        yield number, wire_type, data[position : position + length]
        position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(_MAX_VARINT_BYTES):
        if position >= len(data):
            raise Malformed("protobuf varint is cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position
    raise Malformed("protobuf varint has more than ten bytes")


def _view(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Malformed("protobuf holds a number where a message belongs")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_view(value)).decode("utf-8", "replace")


def _fixed(value: int | memoryview, shape: str) -> int:
    (number,) = struct.unpack(shape, _view(value))
    return int(number)


def _double(value: int | memoryview) -> float:
    (number,) = struct.unpack("<d", _view(value))
    return float(number)
