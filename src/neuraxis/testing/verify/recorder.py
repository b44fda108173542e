"""Writes down what clients did and were told, from many threads: in memory, and line by line into a file if wished.

The rule of the file: an event is written when it happens, so a run that is killed leaves a history that can be judged.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from neuraxis.testing.history import Event, Log, to_line
from neuraxis.testing.history.events import Kind, Stage

Value = tuple[Log, int]


class Recorder:
    """The events of a run, and a running tally: what was sent and acknowledged, and what each group has read."""

    def __init__(self, sink: TextIO | None = None, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.events: list[Event] = []
        self.clock_ns = clock_ns
        self.sent = 0
        self.acknowledged: set[Value] = set()
        self.seen: dict[str, set[Value]] = defaultdict(set)
        self._served: dict[str, int] = defaultdict(int)  # of each group: how many values are both
        self._sink = sink
        self._number = 0
        self._lock = threading.Lock()

    # Any: the fields of Event, by name.
    def invoke(self, kind: Kind, process: str, **fields: Any) -> int:
        """An operation begins; its number."""
        with self._lock:
            self._number += 1
            self._write(Event(self._number, "invoke", process, kind, self.clock_ns(), **fields))
            return self._number

    # Any: the fields of Event, by name.
    def complete(self, number: int, stage: Stage, kind: Kind, process: str, **fields: Any) -> None:
        """An operation ends with the stage `ok`, `fail` or `unknown`."""
        with self._lock:
            self._write(Event(number, stage, process, kind, self.clock_ns(), **fields))

    # Any: the fields of Event, by name.
    def whole(self, stage: Stage, kind: Kind, process: str, began_ns: int, **fields: Any) -> None:
        """An operation that began at `began_ns` and ends now, where nothing is worth a line if nothing comes of it."""
        with self._lock:
            self._number += 1
            self._write(Event(self._number, "invoke", process, kind, began_ns, group=fields.get("group")))
            self._write(Event(self._number, stage, process, kind, self.clock_ns(), **fields))

    def unseen(self, groups: tuple[str, ...]) -> int:
        """How many acknowledged values the group that is furthest behind has still to read."""
        with self._lock:
            # Counted as it happens: a run asks ten times a second, of a million values in the end.
            return max((len(self.acknowledged) - self._served[group] for group in groups), default=0)

    def _write(self, event: Event) -> None:
        self.events.append(event)
        if event.stage == "invoke":
            self.sent += event.kind == "send"
        elif event.stage == "ok":
            self._acknowledge((record.log, record.value) for record in event.sends)
        if event.polls and event.group is not None:
            self._see(event.group, ((record.log, record.value) for record in event.polls))
        if self._sink is not None:
            self._sink.write(to_line(event) + "\n")

    def _acknowledge(self, values: Iterable[Value]) -> None:
        for value in values:
            if value not in self.acknowledged:
                self.acknowledged.add(value)
                for group, seen in self.seen.items():
                    self._served[group] += value in seen

    def _see(self, group: str, values: Iterable[Value]) -> None:
        seen = self.seen[group]
        for value in values:
            if value not in seen:
                seen.add(value)
                self._served[group] += value in self.acknowledged
