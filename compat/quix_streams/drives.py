"""Rows of the recorded drives, and the one-minute windows that must come of them.

The rule of the file: the sums are of the same floats in the same order as in the program under test, so that equality is exact.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compat.brokers import REPOSITORY

WINDOW_MS = 60_000
DRIVES = ("30", "31", "15", "8", "33", "18")  # those with the most rows


@dataclass(frozen=True, slots=True)
class Row:
    """One second of one drive."""

    drive: str
    timestamp_ms: int
    speed_mph: float


@dataclass(frozen=True, slots=True)
class Window:
    """What a window of one drive holds after some of its rows."""

    rows: int
    total: float
    highest: float


def recorded() -> list[Row]:
    """Return the rows of the drives that have a speed, one of each drive in turn; in each drive time goes forward."""
    of_drive: dict[str, list[Row]] = {drive: [] for drive in DRIVES}
    with (REPOSITORY / "examples/connected_car/data/drives_1hz.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            rows = of_drive.get(line["drive"])
            if rows is None or not line["speed_mph"]:
                continue
            row = Row(line["drive"], int(line["ts_ms"]), float(line["speed_mph"]))
            if not rows or row.timestamp_ms > rows[-1].timestamp_ms:
                rows.append(row)
    return list(_in_turn([iter(rows) for rows in of_drive.values()]))


def _in_turn(sources: list[Iterator[Row]]) -> Iterator[Row]:
    while sources:
        for source in list(sources):
            row = next(source, None)
            if row is None:
                sources.remove(source)
            else:
                yield row


def updates(rows: Sequence[Row]) -> dict[tuple[str, int], list[Window]]:
    """Return what each window holds after each of its rows, by drive and start of the window in ms."""
    found: dict[tuple[str, int], list[Window]] = {}
    for row in rows:
        start = row.timestamp_ms - row.timestamp_ms % WINDOW_MS
        seen = found.setdefault((row.drive, start), [])
        before = seen[-1] if seen else Window(0, 0.0, row.speed_mph)
        seen.append(Window(before.rows + 1, before.total + row.speed_mph, max(before.highest, row.speed_mph)))
    return found


def closed(rows: Sequence[Row]) -> dict[tuple[str, int], list[Window]]:
    """Return each window once, as it is when a later row of its drive closes it; the last of a drive stays open."""
    found = updates(rows)
    last: dict[str, int] = {}
    for drive, start in found:
        last[drive] = max(start, last.get(drive, start))
    return {at: seen[-1:] for at, seen in found.items() if at[1] != last[at[0]]}


def wrong_windows(
    expected: dict[tuple[str, int], list[Window]], found: dict[tuple[str, int], list[Window]]
) -> list[str]:
    """Return a line for each window whose sequence of contents is not the expected one."""
    return [
        f"drive {drive} at {start}: {found.get((drive, start))}, expected {expected.get((drive, start))}"
        for drive, start in sorted({*expected, *found})
        if found.get((drive, start), []) != expected.get((drive, start), [])
    ]
