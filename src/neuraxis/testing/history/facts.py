"""What a history proves about its logs: which value stood at which offset, who wrote it, who read it.

The rule of the file: it only arranges; whether something is wrong is said by the checks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from functools import cached_property

from neuraxis.testing.history.events import History, Log, Operation


class Facts:
    """A history arranged for the checks; each view is computed once, on first use."""

    def __init__(self, history: History) -> None:
        self.operations = history.operations
        self.writers: dict[tuple[Log, int], Operation] = {}
        self.values_at: dict[Log, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        self.offsets_of: dict[Log, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        self.read: dict[Log, set[int]] = defaultdict(set)
        self.highest_read: dict[Log, int] = {}
        for operation in self.operations:
            for log, value, offset in operation.sends:
                self.writers[log, value] = operation
                if offset is not None:
                    self._stood(log, value, offset)
            for log, value, offset in operation.polls:
                self.read[log].add(value)
                if offset is not None:
                    self._stood(log, value, offset)
                    self.highest_read[log] = max(offset, self.highest_read.get(log, -1))

    def _stood(self, log: Log, value: int, offset: int) -> None:
        self.values_at[log][offset].add(value)
        self.offsets_of[log][value].add(offset)

    def committed(self, log: Log, value: int) -> bool:
        """Whether the value is certainly there for readers: acknowledged and committed, or unknown but read."""
        writer = self.writers.get((log, value))
        if writer is None or writer.outcome == "fail":
            return False
        return writer.outcome == "ok" or value in self.read[log]

    @cached_property
    def version_order(self) -> dict[Log, list[tuple[int, int]]]:
        """For each log, (offset, value) of every committed value whose offset is known, in the order of the log."""
        return {
            log: sorted(
                (min(offsets), value) for value, offsets in values.items() if self.committed(log, value)
            )
            for log, values in self.offsets_of.items()
        }

    @cached_property
    def committed_offsets(self) -> dict[Log, list[int]]:
        """The offsets of `version_order`, for searching."""
        return {log: [offset for offset, _ in rows] for log, rows in self.version_order.items()}

    def between(self, log: Log, low: int, high: int) -> list[int]:
        """The offsets of committed values that are greater than `low` and less than `high`."""
        offsets = self.committed_offsets.get(log, [])
        begin = bisect_right(offsets, low)
        end = begin
        while end < len(offsets) and offsets[end] < high:
            end += 1
        return offsets[begin:end]
