"""`python -m bench.scale [--parts connections,partitions,groups,log_size,day]`: measure, write the figures and the page.

All parts take about ten minutes. A part that is not asked for keeps the figures it has. Exits 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from types import ModuleType

from bench.run import machine
from bench.scale import connections, day, groups, log_size, partitions, report
from bench.scale.figures import restored

PARTS: dict[str, ModuleType] = {
    "connections": connections,
    "partitions": partitions,
    "groups": groups,
    "log_size": log_size,
    "day": day,
}
FACTS = ("processor", "cores", "memory_gib", "kernel", "python")


def main() -> int:
    """Entry point of `python -m bench.scale`."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="which parts, with commas between them")
    parser.add_argument(
        "--keep", action="store_true", help="print only: leave the figures and the page as they are"
    )
    arguments = parser.parse_args()
    names = arguments.parts.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {text}", flush=True)

    document = json.loads(report.DOCUMENT.read_text()) if report.DOCUMENT.exists() else {"parts": {}}
    document["machine"] = {name: fact for name, fact in machine().items() if name in FACTS}
    for name in names:
        load_before, begun = round(os.getloadavg()[0], 2), time.monotonic()
        figures = PARTS[name].measure(say)
        document["parts"][name] = {
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
            "load_before": load_before,
            "seconds": round(time.monotonic() - begun),
            "figures": figures.document(),
        }
        print(report.limits_table({name: figures}), report.told_table(figures), sep="\n\n")
        for curve in figures.curves:
            print(report.curve_table(curve), flush=True)
        if not arguments.keep:
            report.DOCUMENT.write_text(json.dumps(document, indent=1) + "\n")
            report.write(document)
    found = [restored(document["parts"][name]["figures"]) for name in names]
    return 0 if all(limit.met for figures in found for limit in figures.limits) else 1


if __name__ == "__main__":
    sys.exit(main())
