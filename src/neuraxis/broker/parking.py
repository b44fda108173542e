"""Calls and duties that wait for a point in time: one heap of deadlines, cancelled lazily."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.work import Now


class Timer:
    """A deadline in the parking heap; `cancel` makes it never fire."""

    __slots__ = ("action", "at_ms")

    def __init__(self, at_ms: int, action: Callable[[Now], None]) -> None:
        self.at_ms = at_ms
        self.action: Callable[[Now], None] | None = action

    def cancel(self) -> None:
        """Forget the action; the heap drops the entry when it comes up."""
        self.action = None


class Parking:
    """A heap of timers on the monotonic clock. Equal deadlines fire in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._sequence = 0
        self._cancelled_limit = 1024

    def at(self, at_ms: int, action: Callable[[Now], None]) -> Timer:
        """Run `action(now)` at the first tick whose `mono_ms` is not before `at_ms`."""
        timer = Timer(at_ms, action)
        self._sequence += 1
        heapq.heappush(self._heap, (at_ms, self._sequence, timer))
        if len(self._heap) > self._cancelled_limit:
            self._sweep()
        return timer

    def _sweep(self) -> None:
        # Fetches that are answered early leave cancelled timers behind: without this the heap would hold one for
        # every fetch of the last wait time. Sweeping at each doubling keeps the cost per timer constant.
        self._heap = [entry for entry in self._heap if entry[2].action is not None]
        heapq.heapify(self._heap)
        self._cancelled_limit = max(1024, 2 * len(self._heap))

    def next_deadline(self) -> int | None:
        """The `mono_ms` of the next live timer."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def fire(self, now: Now) -> None:
        """Run every timer that is due."""
        heap = self._heap
        while heap and heap[0][0] <= now.mono_ms:
            timer = heapq.heappop(heap)[2]
            action = timer.action
            if action is not None:
                timer.action = None
                action(now)
            heap = self._heap
