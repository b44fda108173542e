"""Runs of offsets that share one state of delivery: how a share partition remembers its records.

Rule of the file: a list of runs has no holes, no overlaps and no two neighbours that could be one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from enum import IntEnum
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Delivery(IntEnum):
    """Kafka's states of a record in a share partition, with the numbers of its records. ACQUIRED is never written."""

    AVAILABLE = 0
    ACQUIRED = 1
    ACKNOWLEDGED = 2
    ARCHIVED = 4


DONE = (Delivery.ACKNOWLEDGED, Delivery.ARCHIVED)
"""The states that a record does not leave."""


class Run(NamedTuple):
    """Offsets `first` to `last`, both included.

    `deliveries` says how often, this time included; while they are acquired `member` has them until
    `due_ms` (monotonic).
    """

    first: int
    last: int
    state: Delivery
    deliveries: int
    member: str | None = None
    due_ms: int = 0


class Batch(NamedTuple):
    """A run as the log keeps it: never acquired."""

    first: int
    last: int
    state: Delivery
    deliveries: int


_first = attrgetter("first")
_last = attrgetter("last")


def end_of(runs: list[Run], start: int) -> int:
    """The offset after the last run, or `start` if there is none."""
    return runs[-1].last + 1 if runs else start


def lay(runs: list[Run], change: Run, start: int) -> None:
    """Lay a run over the others, in place. Before it, what nothing is known of becomes available."""
    if change.first < start:
        if change.last < start:
            return
        change = change._replace(first=start)
    end = end_of(runs, start)
    if change.first > end:
        lay(runs, Run(end, change.first - 1, Delivery.AVAILABLE, 0), start)
    low = bisect_left(runs, change.first, key=_last)
    high = bisect_right(runs, change.last, lo=low, key=_first)
    pieces = [change]
    if low < high:
        before, after = runs[low], runs[high - 1]
        if before.first < change.first:
            pieces.insert(0, before._replace(last=change.first - 1))
        if after.last > change.last:
            pieces.append(after._replace(first=change.last + 1))
    if low:
        low -= 1
        pieces.insert(0, runs[low])
    if high < len(runs):
        pieces.append(runs[high])
        high += 1
    runs[low:high] = joined(pieces)


def joined(runs: list[Run]) -> list[Run]:
    """The same with equal neighbours made one."""
    found: list[Run] = []
    for run in runs:
        if found and found[-1].last + 1 == run.first and found[-1][2:] == run[2:]:
            found[-1] = found[-1]._replace(last=run.last)
        else:
            found.append(run)
    return found


def trim(runs: list[Run], start: int) -> None:
    """Forget what lies before `start`, in place."""
    low = bisect_left(runs, start, key=_last)
    del runs[:low]
    if runs and runs[0].first < start:
        runs[0] = runs[0]._replace(first=start)


def within(runs: list[Run], first: int, last: int) -> Iterator[Run]:
    """The parts of runs that lie from `first` to `last`, in order."""
    for position in range(bisect_left(runs, first, key=_last), len(runs)):
        run = runs[position]
        if run.first > last:
            return
        yield run._replace(first=max(run.first, first), last=min(run.last, last))


def first_available(runs: list[Run], start: int) -> int:
    """The first offset that may be delivered."""
    for run in runs:
        if run.state is Delivery.AVAILABLE:
            return run.first
    return end_of(runs, start)


def done_until(runs: list[Run], start: int) -> int:
    """The offset before which everything is done: where the partition begins from now on."""
    for run in runs:
        if run.state not in DONE:
            return run.first
        start = run.last + 1
    return start


def done_count(runs: list[Run], start: int) -> int:
    """How many offsets from `start` on are done."""
    return sum(
        run.last - max(run.first, start) + 1 for run in runs if run.state in DONE and run.last >= start
    )


def stored(runs: list[Run]) -> list[Batch]:
    """The runs as the log keeps them: what is acquired was available before, once less often delivered."""
    before = [
        Run(run.first, run.last, Delivery.AVAILABLE, run.deliveries - 1)
        if run.state is Delivery.ACQUIRED
        else run
        for run in runs
    ]
    return [
        Batch(run.first, run.last, run.state, run.deliveries)
        for run in joined([run._replace(member=None, due_ms=0) for run in before])
        if run.state is not Delivery.AVAILABLE or run.deliveries
    ]
