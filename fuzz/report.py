"""Writes docs/reference/fuzzing.md from `fuzz/results.json`, `fuzz/found.json` and the corpus.

python -m fuzz.report [--check]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "fuzzing.md"
RESULTS = ROOT / "fuzz" / "results.json"
FOUND = ROOT / "fuzz" / "found.json"
CORPUS = ROOT / "fuzz" / "corpus"
NOTICE = "<!-- Written by fuzz/report.py (`make docs`) from runs of `python -m fuzz.campaign`. -->\n"

Run = dict[str, Any]  # Any: JSON

INTRODUCTION = """\
Bytes that nobody should send, fed to every decoder and to the whole core. What must hold: nothing but the defined
refusals comes out of a decoder, whose memory is bounded by the size of its input; in the core nothing is raised or
logged as an error, every call is answered in order, waits with a deadline, or its connection is closed, and nothing is
left behind when its client goes.

An input of the **core** is one frame, given to one of six sessions of a broker with an open listener and one with SASL:
what a good client would say next (with one field spoiled in three), requests valid in form with hostile and plausible
values (ids and epochs that the broker handed out among them), damaged ones, replayed ones (of other sessions too),
other versions' bodies, and rubbish; before, during and after a login; while time passes in jumps, works are done at
once, later, in another order or not before the end, connections come and go, and in every fourth world the broker is
closed and started again. An input of a **decoder** is a valid sample with cut, flipped, inserted or hostile bytes; it
costs a tenth of one of the core, and there are more of them.
"""

AGAIN = """
## Do it again

`make fuzz SECONDS=60` gives every target its share of the time; `python -m fuzz.campaign` counts, and adds to this
page. A finding prints what repeats it: `python -m fuzz.core --seed N --worlds 1`, or the target and the input in
hexadecimal. What was the first of its kind is kept in [`fuzz/corpus`](../../fuzz/corpus), and `make test` feeds it
again.
"""


def table(heads: list[str], rows: list[list[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def mebibytes(count: int) -> str:
    return f"{count / (1 << 20):.0f} MiB"


def summed(runs: list[Run]) -> dict[str, dict[str, Any]]:  # Any: JSON
    """What all runs did, by target."""
    total: dict[str, dict[str, Any]] = {}  # Any: JSON
    for run in runs:
        for name, tally in run["targets"].items():
            known = total.setdefault(
                name, {"inputs": 0, "refused": 0, "seconds": 0, "rss_bytes": 0, "findings": 0}
            )
            for key in ("inputs", "refused", "seconds"):
                known[key] += tally[key]
            known["rss_bytes"] = max(known["rss_bytes"], tally["rss_bytes"])
            known["findings"] += len(tally["findings"])
    return total


def kept(name: str) -> str:
    """The number of inputs in a target's corpus file, and its size."""
    path = CORPUS / f"{name.replace(' ', '_')}.txt"
    if not path.exists():
        return "0"
    return f"{len(path.read_text('utf-8').splitlines())} ({path.stat().st_size / 1024:.0f} KiB)"


def page() -> str:
    """The page's text."""
    runs: list[Run] = json.loads(RESULTS.read_text("utf-8"))
    total = summed(runs)
    everything = sum(tally["inputs"] for tally in total.values())
    core = total["core"]["inputs"]
    rows: list[list[object]] = [
        [
            name,
            f"{tally['inputs']:,}",
            f"{tally['refused']:,}" if name != "core" else "",
            tally["seconds"],
            mebibytes(tally["rss_bytes"]),
            tally["findings"],
            kept(name),
        ]
        for name, tally in total.items()
    ]
    run_rows: list[list[object]] = [
        [
            run["day"],
            f"`{run['commit']}`",
            run["seed"],
            f"{sum(tally['inputs'] for tally in run['targets'].values()):,}",
            f"{run['targets']['core']['inputs']:,} in {run['worlds']:,} worlds",
            run["seconds"],
            mebibytes(run["peak_rss_bytes"]),
            sum(len(tally["findings"]) for tally in run["targets"].values()),
            ", ".join(f"{name} {number}" for name, number in run["versions"].items()),
        ]
        for run in runs
    ]
    found_rows: list[list[object]] = [
        [each["what"], f"`{each['test']}`"] for each in json.loads(FOUND.read_text("utf-8"))
    ]
    return (
        f"# Fuzzing\n\n{NOTICE}\n{INTRODUCTION}\n"
        f"**{everything:,} inputs in all: {core:,} to the whole core, {everything - core:,} to single decoders.**\n"
        "Each is counted once it was fed and judged; a round in which something was found counts for nothing.\n\n"
        "## By target\n\n"
        + table(["Target", "Inputs", "Refused", "Seconds", "Most memory held", "Findings", "Corpus"], rows)
        + "\nMemory is that of the process that runs all targets one after the other, with all its samples.\n\n"
        "## What was found\n\nEach was mended at its root and has a test whose name is the sentence that was not true.\n\n"
        + table(["What", "Test"], found_rows)
        + "\n## Runs\n\nA run began from its commit; the mends above were on their way during the first two.\n\n"
        + table(
            [
                "Day",
                "Commit",
                "Seed",
                "Inputs",
                "To the core",
                "Seconds",
                "Peak memory",
                "Findings",
                "Versions",
            ],
            run_rows,
        )
        + AGAIN
    )


def main() -> int:
    """Write the page, or say that it is stale."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.report", description=(__doc__ or ""))
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is stale")
    text = page()
    if parser.parse_args().check:
        if not PAGE.exists() or PAGE.read_text("utf-8") != text:
            print(f"stale: {PAGE.relative_to(ROOT)}. Run: python -m fuzz.report", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
