"""Every fuzz target of this folder, each for its share of the time: `python -m fuzz --seconds 60 [--seed N]`.

A module here with targets is found by its name; it has TARGETS (names) and run(name, seed, iterations, seconds), which gives a
number of inputs (COUNTED says which) and lets every outcome escape that must not be. `campaign.py` counts and keeps the corpus.
"""

from __future__ import annotations

import argparse
import time
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Run all targets and say how each went."""
    parser = argparse.ArgumentParser(
        prog="python -m fuzz", description="Feed hostile bytes to every decoder."
    )
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="printed with every result, to repeat it"
    )
    options = parser.parse_args()
    names = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    modules = [import_module(f"fuzz.{name}") for name in names]
    targets = [(module, name) for module in modules for name in getattr(module, "TARGETS", ())]
    for module, name in targets:
        count = module.run(name, options.seed, seconds=options.seconds / len(targets))
        print(f"{module.__name__} {name}: seed {options.seed}, {count} {module.COUNTED}, nothing escaped")


if __name__ == "__main__":
    main()
