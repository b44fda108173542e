"""How fast something went lately, counted as Kafka counts: a rate over sampled windows, and a bucket of tokens.

Rule of the file: time is an argument, milliseconds on any clock that does not go back.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Windows(NamedTuple):
    """How many windows are looked back on, and how long each is."""

    number: int
    size_ms: int


class _Sample:
    """One window: when it began, when something last happened in it, and how much did."""

    __slots__ = ("last_ms", "start_ms", "total")

    def __init__(self, now_ms: int) -> None:
        self.begin(now_ms)

    def begin(self, now_ms: int) -> None:
        self.start_ms = self.last_ms = now_ms
        self.total = 0.0


class WindowedRate:
    """A quantity per second over the last windows. Windows begin when something happens, not by the clock.

    The time it is divided by is never shorter than all windows but the last: a client that has just come is measured as
    if it had been silent before, so it may begin with a burst.
    """

    __slots__ = ("_current", "_samples", "_windows")

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._samples: list[_Sample] = []
        self._current = 0

    def record(self, value: float, now_ms: int) -> None:
        """Count so much, now; a negative value takes back what was counted."""
        samples = self._samples
        if not samples:
            samples.append(_Sample(now_ms))
        sample = samples[self._current]
        if now_ms - sample.start_ms >= self._windows.size_ms:
            # One more than are looked back on: the oldest may still reach into the time that counts.
            self._current = (self._current + 1) % (self._windows.number + 1)
            if self._current == len(samples):
                sample = _Sample(now_ms)
                samples.append(sample)
            else:
                sample = samples[self._current]
                sample.begin(now_ms)
        sample.total += value
        sample.last_ms = now_ms

    def total(self, now_ms: int) -> float:
        """How much there was in the windows that still count."""
        self._forget(now_ms)
        return sum(sample.total for sample in self._samples)

    def window_ms(self, now_ms: int) -> int:
        """The time that the total is divided by."""
        self._forget(now_ms)
        count, size_ms = self._windows
        elapsed_ms = now_ms - min((sample.start_ms for sample in self._samples), default=now_ms)
        missing = count - 1 - elapsed_ms // size_ms
        return max(elapsed_ms + max(missing, 0) * size_ms, 1)

    def rate(self, now_ms: int) -> float:
        """The quantity per second."""
        return self.total(now_ms) / (self.window_ms(now_ms) / 1000)

    def throttle_ms(self, limit: float, now_ms: int) -> int:
        """How long nothing may come until the rate is down at the limit; 0 while it is not above it."""
        rate = self.rate(now_ms)
        if rate <= limit:
            return 0
        return rounded((rate - limit) / limit * self.window_ms(now_ms))

    def _forget(self, now_ms: int) -> None:
        expired_ms = now_ms - self._windows.number * self._windows.size_ms
        for sample in self._samples:
            if sample.last_ms <= expired_ms:
                sample.begin(now_ms)


class TokenBucket:
    """Tokens that come at the limit's rate up to a burst of all windows, and go as they are taken, also below zero."""

    __slots__ = ("_at_ms", "_tokens", "_windows")

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._tokens = math.inf  # full, whatever the limit
        self._at_ms = 0

    def tokens(self, limit: float, now_ms: int) -> float:
        """The tokens there are now."""
        count, size_ms = self._windows
        burst = count * (size_ms / 1000) * limit
        self._tokens = min(burst, self._tokens + limit * ((now_ms - self._at_ms) / 1000))
        self._at_ms = now_ms
        return self._tokens

    def take(self, value: float, limit: float, now_ms: int) -> None:
        """Take so many tokens, whether they are there or not."""
        self._tokens = self.tokens(limit, now_ms) - value

    def throttle_ms(self, limit: float, now_ms: int) -> int:
        """How long it takes until there is no debt; 0 when there is none."""
        tokens = self.tokens(limit, now_ms)
        return rounded(-tokens / limit * 1000) if tokens < 0 else 0


def rounded(value: float) -> int:
    """The nearest whole number, halves upwards: how Kafka rounds throttle times."""
    return math.floor(value + 0.5)
