"""The accounting of quotas, against Kafka's own classes and against a naive model that remembers everything."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest

from neuraxis.broker.rates import TokenBucket, WindowedRate, Windows, rounded
from tests.broker.scripts.rates import ANSWERS

CASES = json.loads(ANSWERS.read_text())
KAFKAS = Windows(11, 1000)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['kind']}-{case['windows']}x{case['size_s']}s"
)
def test_every_measure_and_throttle_time_is_that_of_kafkas_own_classes(case: dict[str, Any]) -> None:
    windows, limit = Windows(case["windows"], 1000 * case["size_s"]), case["limit"]
    rate, bucket = WindowedRate(windows), TokenBucket(windows)
    for (now_ms, value), (measure, throttle_ms) in zip(case["events"], case["answers"], strict=True):
        if case["kind"] == "rate":
            rate.record(value, now_ms)
            assert rate.throttle_ms(limit, now_ms) == throttle_ms
            assert math.isclose(rate.rate(now_ms), measure, rel_tol=1e-9, abs_tol=1e-9)
        else:
            bucket.take(value, limit, now_ms)
            assert bucket.throttle_ms(limit, now_ms) == throttle_ms
            assert math.isclose(bucket.tokens(limit, now_ms), measure, rel_tol=1e-9, abs_tol=1e-9)


def test_the_script_sees_both_sides_of_the_limit() -> None:
    for kind in ("rate", "bucket"):
        throttled = [answer[1] > 0 for case in CASES if case["kind"] == kind for answer in case["answers"]]
        assert 100 < sum(throttled) < len(throttled) - 100


class NaiveRate:
    """Every window that ever began, with its events."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.begun: list[tuple[int, list[tuple[int, float]]]] = []

    def record(self, value: float, now_ms: int) -> None:
        if not self.begun or now_ms - self.begun[-1][0] >= self.windows.size_ms:
            self.begun.append((now_ms, []))
        self.begun[-1][1].append((now_ms, value))

    def rate(self, now_ms: int) -> float:
        count, size_ms = self.windows
        counts = [
            (start, events)
            for start, events in self.begun[-count - 1 :]
            if events[-1][0] > now_ms - count * size_ms
        ]
        oldest = min((start for start, _ in counts), default=now_ms)
        window_ms = max(now_ms - oldest, (count - 1) * size_ms + (now_ms - oldest) % size_ms, 1)
        return sum(value for _, events in counts for _, value in events) / window_ms * 1000


@pytest.mark.parametrize("seed", range(20))
def test_a_rate_is_that_of_a_model_which_forgets_nothing(seed: int) -> None:
    chance = random.Random(seed)
    windows = Windows(chance.randrange(1, 12), 1000 * chance.randrange(1, 4))
    rate, naive, now_ms = WindowedRate(windows), NaiveRate(windows), 0
    for _ in range(200):
        now_ms += chance.choice([0, 1, 50, 400, 999, 1000, 2500, windows.number * windows.size_ms])
        value = chance.randrange(0, 1000)
        rate.record(value, now_ms)
        naive.record(value, now_ms)
        assert math.isclose(rate.rate(now_ms), naive.rate(now_ms), abs_tol=1e-6)


def test_a_new_client_may_begin_with_a_burst_of_all_windows_but_the_last() -> None:
    rate = WindowedRate(KAFKAS)
    rate.record(10_000, 5)
    assert rate.throttle_ms(1000, 5) == 0
    rate.record(1, 5)
    assert rate.throttle_ms(1000, 5) == 1


def test_what_was_above_the_limit_is_forgotten_after_all_windows() -> None:
    rate = WindowedRate(KAFKAS)
    rate.record(15_000, 100)
    assert rate.throttle_ms(1000, 100) == 5000
    assert rate.throttle_ms(1000, 11_099) > 0
    assert rate.throttle_ms(1000, 11_100) == 0


def test_what_is_taken_back_does_not_count() -> None:
    rate = WindowedRate(KAFKAS)
    rate.record(500, 0)
    rate.record(-500, 10)
    assert rate.total(10) == 0


def test_a_bucket_starts_full_and_may_go_below_zero_once() -> None:
    bucket = TokenBucket(KAFKAS)
    assert bucket.tokens(2.0, 1) == 22
    bucket.take(30, 2.0, 1)
    assert bucket.throttle_ms(2.0, 1) == 4000
    assert bucket.throttle_ms(2.0, 4001) == 0
    assert bucket.tokens(2.0, 10**9) == 22


@pytest.mark.parametrize(("value", "whole"), [(0.5, 1), (1.5, 2), (2.5, 3), (2.49, 2)])
def test_halves_are_rounded_upwards(value: float, whole: int) -> None:
    assert rounded(value) == whole
