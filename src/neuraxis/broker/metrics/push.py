"""The broker's samples as OpenTelemetry metrics: the same names as in Prometheus's text, without its `_total`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.metrics.counters import Histogram
from neuraxis.broker.metrics.families import COUNTER, FAMILIES, GAUGE, Family
from neuraxis.wire import otlp_writer
from neuraxis.wire.otlp_writer import Buckets, Point, Times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from neuraxis.broker.metrics.survey import Sample

_KINDS = {COUNTER: otlp_writer.SUM, GAUGE: otlp_writer.GAUGE}


def encoded(samples: Iterable[Sample], times: Times) -> Iterator[bytes]:
    """Each metric as bytes, in the order of the table; several for a metric of many points, so that none takes long."""
    by_family: dict[str, list[Point]] = {}
    for sample in samples:
        family = FAMILIES[sample.family]
        labels = dict(zip(family.labels, sample.labels, strict=True))
        points = by_family.setdefault(sample.family, [])
        points.append(Point(labels, _value(family, sample.value)))
    for short, family in FAMILIES.items():
        points = by_family.get(short, [])
        kind = _KINDS.get(family.kind, otlp_writer.HISTOGRAM)
        name = family.name.removesuffix("_total")
        for first in range(0, len(points), POINTS):
            part = points[first : first + POINTS]
            yield otlp_writer.metric(name, family.text, family.unit, kind, part, times)


POINTS = 50
"""Points encoded at a time: some 200 microseconds."""


def _value(family: Family, value: float | Histogram) -> float | Buckets:
    if not isinstance(value, Histogram):
        return value * family.scale
    counts = [sum(value.buckets[: family.first + 1]), *value.buckets[family.first + 1 : family.last + 1]]
    bounds = [((1 << digits) - 1) * family.scale for digits in range(family.first, family.last + 1)]
    return Buckets(bounds, [*counts, value.count - sum(counts)], value.total * family.scale)
