"""The terminal: progress while it runs, a short table at the end. Plain lines when it is not a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from examples.connected_car.checks import Check, Outcome


class Display:
    """Draws to stdout with rich."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._bar: Progress | None = None
        self._tasks: list[int] = []

    def say(self, what: str) -> None:
        """Print one line above the progress bars."""
        (self._bar.console if self._bar else self.console).print(f"[dim]·[/dim] {what}")

    @contextlib.contextmanager
    def running(self, total: int) -> Iterator[None]:
        """Show three bars while the block runs."""
        columns = (
            TextColumn("{task.description:<14}"),
            BarColumn(40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as self._bar:
            self._tasks = [self._bar.add_task(name, total=total) for name in ("sent", "acknowledged", "read")]
            try:
                yield
            finally:
                self._tasks = []
        self._bar = None

    def update(self, *completed: int) -> None:
        """Advance the bars to these numbers."""
        if self._bar is not None:
            for task, count in zip(self._tasks, completed, strict=False):
                self._bar.update(task, completed=count)  # type: ignore[arg-type]  # rich's TaskID is an int

    def result(self, outcome: Outcome, checks: list[Check], page: Path, seconds: float) -> None:
        """Print the trips with most harsh driving, the checks, and where the report is."""
        trips = [trip["summary"] for trip in outcome.trips()]
        table = Table(
            title=f"{len(trips)} trips; those with most harsh driving", title_justify="left", box=None
        )
        for name in ("vehicle", "min", "km", "mean km/h", "max km/h", "stops", "idle", "harsh low/med/high"):
            table.add_column(name, justify="left" if name == "vehicle" else "right", header_style="dim")
        for trip in sorted(trips, key=lambda trip: -trip["harsh_seconds"])[:6]:
            table.add_row(
                trip["vehicle"],
                f"{trip['duration_s'] / 60:.0f}",
                f"{trip['distance_km']:.1f}",
                f"{trip['mean_kmh']:.0f}",
                f"{trip['max_kmh']:.0f}",
                str(trip["stops"]),
                f"{trip['idle_share']:.0%}",
                f"{trip['harsh_low']} / {trip['harsh_med']} / {trip['harsh_high']}",
            )
        self.console.print()
        self.console.print(table)
        self.console.print()
        for check in checks:
            mark = "[green]✓[/green]" if check.holds else "[bold red]✗[/bold red]"
            self.console.print(f"{mark} {check.name}[dim]: {check.detail}[/dim]")
        failed = [check for check in checks if not check.holds]
        verdict = (
            f"[bold red]{len(failed)} of {len(checks)} checks failed"
            if failed
            else f"[green]{len(checks)} checks hold"
        )
        self.console.print(f"\n{verdict}[/] after {seconds:.1f} s. Report: [bold]{page}[/bold]")

    def failed(self, why: str, log: Path | None) -> None:
        """Print why the run could not end, and the end of the broker's log."""
        self.console.print(f"[bold red]The demo failed:[/bold red] {why}", markup=True)
        if log is not None and log.exists():
            self.console.print("[dim]The broker's last words:[/dim]")
            self.console.print("\n".join(log.read_text(errors="replace").splitlines()[-15:]), markup=False)
