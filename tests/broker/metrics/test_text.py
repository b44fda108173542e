"""Prometheus's text: families together, labels escaped, histograms cumulative; parsed back by a reader of the format."""

from __future__ import annotations

from neuraxis.broker.metrics.counters import Histogram
from neuraxis.broker.metrics.survey import Sample
from neuraxis.broker.metrics.text import exposition
from tests.broker.metrics.reading import parse


def test_a_familys_samples_stand_together_however_they_came() -> None:
    samples = [
        Sample("memory_bytes", ("output",), 5),
        Sample("topics", (), 2),
        Sample("memory_bytes", ("receive_pool",), 0),
    ]
    assert list(exposition(samples))[-2:] == [
        'neuraxis_memory_bytes{owner="output"} 5\n',
        'neuraxis_memory_bytes{owner="receive_pool"} 0\n',
    ]
    page = parse("".join(exposition(samples)))
    assert page.kinds == {"neuraxis_memory_bytes": "gauge", "neuraxis_topics": "gauge"}
    assert page.value("neuraxis_topics") == 2


def test_labels_that_clients_choose_cannot_break_a_line() -> None:
    hostile = 'a"b\\c\nd} 1'
    page = parse("".join(exposition([Sample("client_requests_total", (hostile, ""), 3)])))
    assert page.value("neuraxis_client_requests_total", software=hostile, version="") == 3


def test_a_histogram_is_cumulative_and_in_seconds() -> None:
    times = Histogram()
    for value_ns in (500, 9_000, 1_000_000, 1 << 40):
        times.add(value_ns)
    page = parse("".join(exposition([Sample("work_seconds", ("sync",), times)])))
    buckets = page.buckets("neuraxis_work_seconds", kind="sync")
    bounds = [bound for bound, _ in buckets]
    counts = [count for _, count in buckets]
    assert bounds == sorted(bounds)
    assert counts == sorted(counts)
    assert (counts[0], counts[1], counts[-2], counts[-1]) == (1, 2, 3, 4)
    assert bounds[-1] == float("inf")
    assert page.value("neuraxis_work_seconds_count", kind="sync") == 4
    total = page.value("neuraxis_work_seconds_sum", kind="sync")
    assert abs(total - (500 + 9_000 + 1_000_000 + (1 << 40)) / 1e9) < 1e-6


def test_counted_times_are_shown_in_seconds() -> None:
    page = parse("".join(exposition([Sample("loop_idle_seconds_total", (), 1_500_000_000)])))
    assert page.value("neuraxis_loop_idle_seconds_total") == 1.5
