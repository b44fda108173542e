"""Prometheus's text format (version 0.0.4) of samples; a generator, so that whoever writes it may pause between two lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.metrics.counters import Histogram
from neuraxis.broker.metrics.families import FAMILIES, Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from neuraxis.broker.metrics.survey import Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def exposition(samples: Iterable[Sample]) -> Iterator[str]:
    """The lines, each with its end; a family's samples stand together, in the order of the table."""
    by_family: dict[str, list[Sample]] = {}
    for sample in samples:
        by_family.setdefault(sample.family, []).append(sample)
    for short, family in FAMILIES.items():
        found = by_family.get(short)
        if not found:
            continue
        yield f"# HELP {family.name} {family.text}\n"
        yield f"# TYPE {family.name} {family.kind}\n"
        for sample in found:
            labels = ",".join(
                f'{name}="{value.translate(_ESCAPES)}"'
                for name, value in zip(family.labels, sample.labels, strict=True)
            )
            value = sample.value
            if isinstance(value, Histogram):
                yield from _histogram(family, labels, value)
            else:
                shown = f"{{{labels}}}" if labels else ""
                yield f"{family.name}{shown} {number(value * family.scale)}\n"


def _histogram(family: Family, labels: str, histogram: Histogram) -> Iterator[str]:
    before = labels + "," if labels else ""
    for bound, count in cumulative(family, histogram):
        yield f'{family.name}_bucket{{{before}le="{number(bound)}"}} {count}\n'
    shown = f"{{{labels}}}" if labels else ""
    count = histogram.count
    yield f'{family.name}_bucket{{{before}le="+Inf"}} {count}\n'
    yield f"{family.name}_sum{shown} {number(histogram.total * family.scale)}\n"
    yield f"{family.name}_count{shown} {count}\n"


def cumulative(family: Family, histogram: Histogram) -> Iterator[tuple[float, int]]:
    """The upper bounds that are shown, and how many numbers were at most that large."""
    count = sum(histogram.buckets[: family.first])
    for digits in range(family.first, family.last + 1):
        count += histogram.buckets[digits]
        yield ((1 << digits) - 1) * family.scale, count


def number(value: float) -> str:
    """A number as Prometheus reads it: whole where it is whole, else with twelve digits."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.12g}"
