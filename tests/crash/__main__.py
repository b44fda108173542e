"""`make crash ROUNDS=n`: the kill loop for as long as you like."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from neuraxis.testing.verify import Status
from tests.crash import harness


def show(status: Status) -> None:
    """One line on stderr that is written over, if that is a terminal."""
    if sys.stderr.isatty():
        told = f"{status.phase}: {status.acknowledged} acknowledged, {status.unseen} not yet read"
        print(f"\r{told:70}", end="", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--durability", choices=["sync", "interval", "os"], default="sync")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="neuraxis-crash-"))
    result = harness.run(directory, options.rounds, options.durability, options.seed, show)
    print(
        f"{result.rounds} kills, {result.ok('send')} sends, {result.ok('txn')} transactions and {result.ok('commit')} "
        f"commits acknowledged, slowest restart {max(result.restarts_s):.2f} s"
    )
    for verdict in result.report.verdicts:
        print(f"  {verdict.name:20} {verdict.state:8} {verdict.checked} {verdict.of}")
    for sentence in result.wrong:
        print(f"WRONG: {sentence}")
    if result.wrong:
        print(f"{len(result.wrong)} promises were broken; history, log and data are in {directory}")
        return 1
    print("every promise was kept")
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
