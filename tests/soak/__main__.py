"""`make soak MINUTES=n`: the soak for as long as you like, and its report."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.soak import conductor, report


class Progress:
    """One line on stderr: written over where that is a terminal, else a new one every half minute."""

    EVERY_S = 30.0

    def __init__(self) -> None:
        self.shown_at = 0.0

    def __call__(self, line: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{line:180.180}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self.shown_at >= self.EVERY_S:
            self.shown_at = time.monotonic()
            print(line, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--durability", choices=[*conductor.POLICIES, "turn"], default="turn")
    parser.add_argument("--directory", type=Path, help="where the data go; kept")
    parser.add_argument("--report", type=Path, help="write the report there, as Markdown")
    options = parser.parse_args()
    directory = options.directory or Path(tempfile.mkdtemp(prefix="neuraxis-soak-"))
    directory.mkdir(parents=True, exist_ok=True)
    seconds = options.minutes * 60
    quick = seconds < 300  # a short one has its faults sooner
    plan = conductor.SoakPlan(
        seconds=seconds,
        seed=options.seed,
        durability=options.durability,
        kill_s=(6.0, 12.0) if quick else conductor.KILL_S,
        calm_s=(1.0, 3.0) if quick else conductor.CALM_S,
        sample_s=2.0 if quick else conductor.SAMPLE_S,
    )
    result = conductor.run(plan, directory, Progress())
    print(report.text(result))
    if options.report is not None:
        options.report.write_text(report.page(result), encoding="utf-8")
    if result.wrong:
        print(f"the broker's log and data are in {directory}")
        return 1
    if options.directory is None:
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
