"""Writes OpenTelemetry metrics (OTLP) in protobuf: what a collector takes at `/v1/metrics`.

Field numbers are those of opentelemetry/proto/metrics/v1/metrics.proto; `otlp.py` reads the same. All sums and histograms
are cumulative. Rule of the file: a metric becomes bytes at once, so that whoever encodes many may pause between them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.wire.primitives import encode_uvarint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_CUMULATIVE = 2
_VARINT, _FIXED64, _LENGTH = 0, 1, 2
GAUGE, SUM, HISTOGRAM = 5, 7, 9
"""The field of a metric that holds the points of each kind."""


class Times(NamedTuple):
    """When counting began, and now: Unix time in nanoseconds."""

    start: int
    now: int


class Buckets(NamedTuple):
    """A histogram: upper bounds, how many in each bucket (one more than bounds), and the sum of all."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


class Point(NamedTuple):
    """One number of a metric."""

    attributes: Mapping[str, str]
    value: float | Buckets


def request(resource: Mapping[str, str], scope: tuple[str, str], metrics: Iterable[bytes]) -> bytes:
    """An ExportMetricsServiceRequest with encoded metrics. `scope` is the name and version of who counted."""
    name, version = scope
    scoped = _bytes(1, _text(1, name) + _text(2, version)) + b"".join(_bytes(2, each) for each in metrics)
    return _bytes(1, _bytes(1, _attributes(1, resource)) + _bytes(2, scoped))


def metric(name: str, text: str, unit: str, kind: int, points: Iterable[Point], times: Times) -> bytes:
    """A Metric; `kind` is GAUGE, SUM (one that never falls) or HISTOGRAM."""
    data = b"".join(_bytes(1, _point(kind, point, times)) for point in points)
    if kind != GAUGE:
        data += _integer(2, _CUMULATIVE)
    if kind == SUM:
        data += _integer(3, 1)
    return _text(1, name) + _text(2, text) + _text(3, unit) + _bytes(kind, data)


def _point(kind: int, point: Point, times: Times) -> bytes:
    moments = (b"" if kind == GAUGE else _fixed(2, "<Q", times.start)) + _fixed(3, "<Q", times.now)
    value = point.value
    if isinstance(value, Buckets):
        return (
            _attributes(9, point.attributes)
            + moments
            + _fixed(4, "<Q", sum(value.counts))
            + _fixed(5, "<d", value.total)
            + _bytes(6, struct.pack(f"<{len(value.counts)}Q", *value.counts))
            + _bytes(7, struct.pack(f"<{len(value.bounds)}d", *value.bounds))
        )
    number = _fixed(6, "<q", value) if isinstance(value, int) else _fixed(4, "<d", value)
    return _attributes(7, point.attributes) + moments + number


def _attributes(field: int, values: Mapping[str, str]) -> bytes:
    return b"".join(
        _bytes(field, _text(1, name) + _bytes(2, _text(1, value))) for name, value in values.items()
    )


def _tag(field: int, wire_type: int) -> bytes:
    return encode_uvarint(field << 3 | wire_type)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode("utf-8", "replace"))


def _bytes(field: int, value: bytes) -> bytes:
    return _tag(field, _LENGTH) + encode_uvarint(len(value)) + value


def _integer(field: int, value: int) -> bytes:
    return _tag(field, _VARINT) + encode_uvarint(value)


def _fixed(field: int, shape: str, value: float) -> bytes:
    return _tag(field, _FIXED64) + struct.pack(shape, value)
