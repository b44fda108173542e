"""Plain tables, sizes and progress for people. Machines get JSON from the commands themselves.

The rule of the file: results go to stdout, progress to stderr if that is a terminal; rich is imported to draw.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import sys
from collections.abc import Callable, Iterator, Sequence

import click

from neuraxis.client.errors import ClientError

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return an aligned table; columns of numbers are set to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(columns)]
    right = [
        bool(rows) and all(isinstance(row[at], int | float) for row in rows) for at in range(len(columns))
    ]
    lines = [
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [[name.upper() for name in columns], *cells]
    ]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def plural(count: int, noun: str) -> str:
    """Return "1 record", "2 records"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@contextlib.contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Draw a progress bar on stderr if that is a terminal; yields the function that advances it."""
    if not sys.stderr.isatty() or (total is not None and total <= 1):
        yield lambda _steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)


@contextlib.contextmanager
def byte_progress(label: str, *, hidden: bool) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar on stderr if that is a terminal; yields the function that is told (done, whole) bytes."""
    with click.progressbar(
        length=1000, label=label, file=sys.stderr, hidden=hidden or not sys.stderr.isatty()
    ) as bar:
        yield lambda done, whole: bar.update(1000 * done // max(1, whole) - bar.pos)


def parse_pairs(pairs: Sequence[str], option: str) -> dict[str, str]:
    """Return {name: value} of `name=value` arguments; a usage error names the option."""
    result = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"{option} {pair!r}: write NAME=VALUE")
        result[name.strip()] = value
    return result


def parse_time_ms(text: str) -> int:
    """Return Unix milliseconds of an ISO 8601 time (UTC unless it says otherwise), `@1558644851000` or `-10m`.

    Raises ClientError with the accepted forms.
    """
    ago = re.fullmatch(r"-(\d+)(ms|s|m|h|d)", text)
    now = datetime.datetime.now(datetime.UTC)
    if ago:
        return int(now.timestamp() * 1000) - int(ago[1]) * _UNITS_MS[ago[2]]
    if re.fullmatch(r"@\d+", text):
        return int(text[1:])
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise ClientError(
            f"{text!r} is not a time",
            "write 2026-11-24T08:30:00Z, a date, @ and Unix milliseconds, or -10m (s, m, h, d ago)",
        ) from error
    if at.tzinfo is None:
        at = at.replace(tzinfo=datetime.UTC)
    return int(at.timestamp() * 1000)


def iso_time(timestamp_ms: int) -> str:
    """Return a Unix time in milliseconds as ISO 8601 in UTC."""
    at = datetime.datetime.fromtimestamp(timestamp_ms / 1000, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
