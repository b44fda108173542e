"""Samples as OpenTelemetry metrics: names, units and numbers as on the page, histograms with their buckets."""

from __future__ import annotations

from neuraxis.broker.metrics import push
from neuraxis.broker.metrics.counters import Histogram
from neuraxis.broker.metrics.survey import Sample
from neuraxis.wire import otlp_writer
from neuraxis.wire.otlp import read_metrics
from neuraxis.wire.otlp_writer import Times


def test_counters_gauges_and_histograms_arrive_with_their_units() -> None:
    times = Histogram()
    for value_ns in (1_000, 1_000_000, 1 << 45):
        times.add(value_ns)
    samples = [
        Sample("work_seconds", ("sync",), times),
        Sample("requests_total", ("Produce", "9"), 12),
        Sample("memory_bytes", ("output",), 5),
        Sample("process_cpu_seconds_total", (), 2_500_000_000),
    ]
    data = otlp_writer.request({}, ("neuraxis", "1"), push.encoded(samples, Times(1, 2)))
    points = {point.name: point for point in read_metrics(data, 100)}
    assert list(points) == [
        "neuraxis_requests",
        "neuraxis_work_seconds",
        "neuraxis_memory_bytes",
        "process_cpu_seconds",
    ]
    requests, work = points["neuraxis_requests"], points["neuraxis_work_seconds"]
    assert (requests.kind, requests.value, requests.unit) == ("sum", 12, "1")
    assert requests.attributes == (("api", "Produce"), ("version", "9"))
    assert (work.kind, work.unit, work.values) == ("histogram", "s", 3)
    assert abs(work.value - (1_001_000 + (1 << 45)) / 1e9) < 1e-6
    assert (points["neuraxis_memory_bytes"].kind, points["neuraxis_memory_bytes"].unit) == ("gauge", "By")
    assert points["process_cpu_seconds"].value == 2.5


def test_a_metric_of_many_points_comes_in_parts() -> None:
    samples = [Sample("topic_sent_bytes_total", (f"t{number}",), number) for number in range(push.POINTS + 1)]
    parts = list(push.encoded(samples, Times(1, 2)))
    assert len(parts) == 2
    data = otlp_writer.request({}, ("neuraxis", "1"), parts)
    assert [point.value for point in read_metrics(data, 1_000)] == list(range(push.POINTS + 1))


def test_the_buckets_hold_every_number_once() -> None:
    sizes = Histogram()
    for value in (0, 3, 511, 512, 1 << 26, 1 << 40):
        sizes.add(value)
    family = push.FAMILIES["sync_bytes"]
    found = push._value(family, sizes)
    assert isinstance(found, otlp_writer.Buckets)
    assert len(found.counts) == len(found.bounds) + 1
    assert sum(found.counts) == 6
    assert (found.bounds[0], found.counts[0], found.counts[1], found.counts[-1]) == (511, 3, 1, 1)
