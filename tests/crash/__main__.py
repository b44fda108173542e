"""`make crash ROUNDS=n`: the kill loop for as long as you like."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.crash import harness


def main() -> int:
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--durability", choices=["sync", "interval", "os"], default="sync")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="neuraxis-crash-") as directory:
        report = harness.run(Path(directory), options.rounds, options.durability, options.seed)
    slowest = max(report.restart_s)
    print(
        f"{report.rounds} kills, {report.acked} acknowledged, {report.seen} read by the group, slowest restart {slowest:.2f} s"
    )
    for sentence in report.wrong:
        print(f"WRONG: {sentence}")
    print("every promise was kept" if not report.wrong else f"{len(report.wrong)} promises were broken")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
