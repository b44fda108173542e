"""OTLP metrics written and read back: kinds, units, attributes, numbers whole and broken, histograms."""

from __future__ import annotations

from neuraxis.wire import otlp_writer
from neuraxis.wire.otlp import read_metrics
from neuraxis.wire.otlp_writer import Buckets, Point, Times

TIMES = Times(1_000, 2_000)


def test_what_is_written_is_read_back() -> None:
    metrics = [
        otlp_writer.metric(
            "requests",
            "Requests.",
            "1",
            otlp_writer.SUM,
            [Point({"api": "Produce"}, 12), Point({"api": "Fätch"}, 1 << 62)],
            TIMES,
        ),
        otlp_writer.metric(
            "load", "Load.", "1", otlp_writer.GAUGE, [Point({}, -1.5), Point({"a": ""}, -7)], TIMES
        ),
        otlp_writer.metric(
            "times",
            "Times.",
            "s",
            otlp_writer.HISTOGRAM,
            [Point({"kind": "sync"}, Buckets([0.1, 1.0], [3, 2, 1], 4.25))],
            TIMES,
        ),
    ]
    data = otlp_writer.request({"service.name": "neuraxis"}, ("neuraxis", "1.0"), metrics)
    points = list(read_metrics(data, 100))
    assert [(point.name, point.kind, point.unit, point.value, point.values) for point in points] == [
        ("requests", "sum", "1", 12, None),
        ("requests", "sum", "1", 1 << 62, None),
        ("load", "gauge", "1", -1.5, None),
        ("load", "gauge", "1", -7, None),
        ("times", "histogram", "s", 4.25, 6),
    ]
    assert points[1].attributes == (("api", "Fätch"),)
    assert points[3].attributes == (("a", ""),)
    assert {point.resource for point in points} == {(("service.name", "neuraxis"),)}
    assert {point.time_unix_nano for point in points} == {2_000}


def test_a_sum_says_that_it_is_cumulative_and_never_falls() -> None:
    data = otlp_writer.metric("a", "", "", otlp_writer.SUM, [], TIMES)
    assert data.endswith(bytes([otlp_writer.SUM << 3 | 2, 4, 2 << 3, 2, 3 << 3, 1]))
    histogram = otlp_writer.metric("a", "", "", otlp_writer.HISTOGRAM, [], TIMES)
    assert histogram.endswith(bytes([otlp_writer.HISTOGRAM << 3 | 2, 2, 2 << 3, 2]))
