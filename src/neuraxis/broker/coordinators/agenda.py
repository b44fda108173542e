"""When the shards of one kind of coordinator need time to act: one heap, so that a turn never asks each of them.

A shard says that its state changed; its deadline is asked for once, when somebody next wants to know the earliest.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.work import Now


class Due(Protocol):
    """What an agenda needs of a shard. `agenda_at` belongs to the agenda: the deadline it last heard."""

    agenda_at: int | None
    touched: bool

    def deadline(self) -> int | None:
        """The `mono_ms` at which time could matter to the shard."""
        ...


class Agenda:
    """The deadlines of some shards. Equal ones come in the order in which they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Any]] = []  # Any: the shards, which are not compared
        self._touched: list[Any] = []  # Any: the same
        self._sequence = 0

    def touch(self, shard: Due) -> None:
        """The shard's state changed, so its deadline may have."""
        if not shard.touched:
            shard.touched = True
            self._touched.append(shard)

    def next_deadline(self) -> int | None:
        """The earliest `mono_ms` at which one of the shards could want to act."""
        if self._touched:
            self._ask()
        heap = self._heap
        while heap and heap[0][0] != heap[0][2].agenda_at:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def _ask(self) -> None:
        touched, self._touched = self._touched, []
        for shard in touched:
            shard.touched = False
            at = shard.deadline()
            if at != shard.agenda_at:
                shard.agenda_at = at
                if at is not None:
                    self._sequence += 1
                    heapq.heappush(self._heap, (at, self._sequence, shard))

    def due(self, now: Now) -> Iterator[Any]:  # Any: the shards, as they were given
        """Each shard whose deadline has come, once: one that is still due has done its share of this tick."""
        due = []
        while (at := self.next_deadline()) is not None and at <= now.mono_ms:
            shard = heapq.heappop(self._heap)[2]
            shard.agenda_at = None
            due.append(shard)
        for shard in due:
            self.touch(shard)
            yield shard
