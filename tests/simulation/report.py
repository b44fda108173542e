"""Writes docs/reference/simulation.md from `docs/reference/simulation.json`, seeds.txt and the planted bugs.

`python -m tests.simulation.campaign --worlds N --report` puts a run's figures into the JSON, `python -m
tests.simulation.report --plant` what finds the planted bugs, and without an option the page is written again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from tests.simulation.places import CHECKPOINT, COMPACTION, COORDINATORS, PRODUCERS, RECOVERY, ROLL, SCRUB
from tests.simulation.plan import draw
from tests.simulation.planted import BUGS, planted
from tests.simulation.story import Violation
from tests.simulation.world import run_plan

if TYPE_CHECKING:
    from typing import Any  # Any: JSON

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "simulation.md"
RESULTS = ROOT / "docs" / "reference" / "simulation.json"
SEEDS = Path(__file__).parent / "seeds.txt"
NOTICE = "<!-- Written by tests/simulation/report.py from simulation.json, which campaigns fill. -->\n"

INTRODUCTION = """\
The whole broker but for its sockets and threads runs in simulated worlds: a seed draws the settings, the clients and
what goes wrong, and decides every delay. Checkers know what was promised; what they demand after every step, after
every restart and at the end is listed in [`tests/simulation/checkers.py`](../../tests/simulation/checkers.py) and the
modules beside it. The same seed at the same commit is the same world to the last byte, in any process.

A **short world** plays a second or two of its own time: at least 500 events, in which clients of at most three kinds
besides a producer and a reader work while things go wrong, until everything heals and must come to rest.
"""

ROWS = (
    (
        "Process kill",
        "process killed or stopped by a failure",
        "every policy: what was acknowledged is there",
    ),
    (
        "Power loss",
        "power loss",
        "`sync`: what was acknowledged is there; otherwise a suffix may go, never a hole",
    ),
    ("EIO", "EIO", "fail-stop, restart, nothing acknowledged is lost"),
    ("ENOSPC in the middle of writing", "ENOSPC", "the same"),
    ("Short write", "short write", "the same"),
    ("A disk that is full, seen before writing", "disk full", "refused politely"),
    ("Failed fsync", "failed sync", "never acknowledged, nor answered as a duplicate, afterwards"),
    ("Page cache dropped after a kill", "cache dropped", "what a failed fsync lost is seen to be lost"),
    ("Bit rot at rest", "bit rot", "found by the scrub or by the reader's checksum, then named and refused"),
    (
        "Bit rot in a coordinator's log",
        "bit rot in a coordinator's log",
        "a start proves every fact, and refuses",
    ),
    (
        "Crash inside a disk operation",
        "death inside a disk operation",
        "recovery is idempotent (places: below)",
    ),
    ("Crash inside recovery", "death inside recovery", "the same"),
    ("Clean stop", "clean stop", "nothing is lost, whatever the policy"),
    (
        "Read that would wait for the disk",
        "read that would have waited",
        "parked, and answered as if it had not",
    ),
    (
        "Wall clock jumps, both ways",
        "wall clock moved",
        "no negative session, no early expiry beyond the jump",
    ),
    ("Late tick", "late tick", "deadlines come late, never early, and none is lost"),
    ("Process paused", "broker paused", "sessions expire as they must, and only those"),
    ("Frame in pieces", "frame in pieces", "nothing is seen of it"),
    ("Connection cut", "connection cut", "idempotence, fencing"),
    (
        "Call without an answer: it was lost, or nobody was there",
        "reply lost",
        "a retry is a duplicate, or the first to arrive",
    ),
    ("Zombie with an epoch that is over", "zombie", "nothing of what it tries works"),
    ("Member or session left, died or slept", "member or session left, died or slept", "the others go on"),
    ("Unknown API version", "unknown API version", "ApiVersions answers, all else closes the connection"),
    ("Random bytes", "random bytes", "Kafka's answer or a closed connection"),
)
"""Every row of the fault table of the design: what it is, how worlds count it, what must hold."""

INSIDE = "bit rot in a coordinator's log"
AIMED = (COMPACTION, ROLL, CHECKPOINT, PRODUCERS, COORDINATORS, SCRUB, RECOVERY)


class Planted(TypedDict):
    """What found a planted bug: the first seed that did, from 0 on, and what the checkers said."""

    seed: int
    said: str


def table(heads: list[str], rows: list[list[object]]) -> str:
    """A table of the page."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def load() -> dict[str, Any]:
    """The JSON: `runs`, newest first, and `planted`."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    return {"runs": [], "planted": {}, **found}


def save(results: dict[str, Any]) -> None:
    """Write the JSON and the page."""
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", "utf-8")
    PAGE.write_text(page(results), "utf-8")


def add_run(found: dict[str, Any]) -> None:
    """A campaign's figures; those of the same commit and seeds are replaced."""
    results = load()
    kept = [
        run
        for run in results["runs"]
        if (run["commit"], run["first_seed"]) != (found["commit"], found["first_seed"])
    ]
    results["runs"] = [found, *kept]
    save(results)


def plant(names: list[str]) -> dict[str, Planted]:
    """Which seed finds each planted bug. Raises AssertionError when one is not found."""
    found: dict[str, Planted] = {}
    for name in names:
        bug = BUGS[name]
        with planted(name):
            for seed in range(bug.seeds):
                try:
                    run_plan(bug.plan(draw(seed)))
                except Violation as violation:
                    found[name] = Planted(seed=seed, said=re.sub(r"b'[^']*'", "…", str(violation))[:160])
                    break
        assert name in found, f"{bug.seeds} worlds did not find it: {name}"
    return found


# ---- the page ------------------------------------------------------------------------------------------------------


def page(results: dict[str, Any]) -> str:
    """The page's text."""
    runs = results["runs"]
    parts = [f"# Simulation\n\n{NOTICE}\n{INTRODUCTION}"]
    if runs:
        worlds = max(runs, key=lambda run: int(run["worlds"]))
        parts += [_run(worlds, runs), _faults(worlds), _places(worlds), _rot(worlds), _time(worlds)]
    parts += [_planted(results["planted"]), _found(runs)]
    if runs:
        parts.append(_digests(worlds))
    return "\n".join(parts)


def _run(run: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    broken = f"{len(run['broken'])} broke (see below)" if run["broken"] else "every one kept every promise"
    rows: list[list[object]] = [
        [
            f"`{each['commit']}`",
            f"{each['first_seed']:,} to {each['first_seed'] + each['worlds'] - 1:,}",
            f"{each['worlds']:,}",
            f"{each['events']:,}",
            each["fewest_events"],
            f"{each['lives']:,}",
            len(each["broken"]),
            f"`{each['digest'][:16]}`",
            each["python"],
        ]
        for each in runs
    ]
    heads = ["Commit", "Seeds", "Worlds", "Events", "Fewest in a world", "Lives of the broker", "Broken"]
    return (
        f"**{run['worlds']:,} short worlds at commit `{run['commit']}`: {broken}.**\n\n"
        f"{table([*heads, 'Digest', 'Python'], rows)}\n"
        "An event is one that was played, not one that was only planned. One world in twenty was played a second time in "
        "another process with another `PYTHONHASHSEED`; each told the same story.\n"
    )


def _faults(run: dict[str, Any]) -> str:
    rows: list[list[object]] = [
        [what, f"{run['injected'].get(key, 0):,}", must_hold] for what, key, must_hold in ROWS
    ]
    return (
        "## What went wrong\n\nCounted when it happened, not when it was planned; "
        f"{run['injected'].get('aimed fault', 0):,} of the faults were aimed at one operation of one place.\n\n"
        + table(["Fault", "Times", "What must hold"], rows)
    )


def _places(run: dict[str, Any]) -> str:
    """Crashes and errors by place, with the operations in which they hit."""
    crashes: dict[str, Counter[str]] = {}
    errors: Counter[str] = Counter()
    for key, count in run["places"].items():
        kind, place, operation = key.split("|")
        if kind == "crash":
            crashes.setdefault(place, Counter())[operation] += count
        else:
            errors[place] += count
    names = [*AIMED, *sorted({*crashes, *errors} - set(AIMED))]
    rows: list[list[object]] = [
        [
            name + (" (aimed at)" if name in AIMED else ""),
            f"{sum(crashes.get(name, Counter()).values()):,}",
            ", ".join(f"{operation} {count:,}" for operation, count in sorted(crashes.get(name, {}).items())),
            f"{errors[name]:,}",
        ]
        for name in names
    ]
    return (
        "## Where it hit\n\nThe place in the broker, by its stack, of every crash (before, after or half-way through an "
        "operation) and of every error of a disk operation. `recovery: x` is x as a part of recovery.\n\n"
        + table(["Place", "Crashes", "In which operations", "Errors"], rows)
    )


def _rot(run: dict[str, Any]) -> str:
    seen, inside = run["observed"], run["injected"].get(INSIDE, 0)
    return (
        "## What became of bits that flipped\n\n"
        f"{run['injected'].get('bit rot', 0):,} bits flipped in closed segments of topics, {inside:,} in those of "
        f"coordinators' logs; {seen.get('starts that were refused', 0):,} starts met one of the latter, were refused, and went "
        f"well once the file was put back ({seen.get('put back from a backup', 0):,} bits). At the end of their worlds "
        f"{seen.get('named by the scrub', 0):,} were still served and had all been named by the scrub, and every offset "
        "beside them was served as it was written; "
        f"{seen.get('deleted before the end', 0):,} had been deleted by retention, by an administrator or with their topic. "
        f"Before the scrub came by, clients' own checksums noticed {seen.get('noticed by the client', 0):,} times; "
        f"{seen.get('refused to a client', 0):,} fetches were refused as damaged.\n\n"
        "Kafka's format has no checksum over a batch's base offset and length (the scrub proves both: offsets have no "
        "gaps where nothing is compacted) nor over its leader epoch: bits of that are not flipped, for nobody could tell.\n"
    )


def _time(run: dict[str, Any]) -> str:
    cpu, again = run["cpu_ms"], run["slow_again"]
    share = 100 * (1 - cpu["over_100"] / run["worlds"])
    return (
        "## What a world costs\n\n"
        f"CPU time of a world, its rubbish collected, while other programs ran on both cores beside it: median "
        f"{cpu['median']} ms, mean {cpu['mean']} ms, p95 {cpu['p95']} ms, p99 {cpu['p99']} ms, most {cpu['max']} ms; "
        f"{cpu['over_100']:,} worlds took more than 100 ms ({share:.2f} % took no more). "
        f"Those were played again, three times at most: {again['over_100']:,} took more than 100 ms each time, "
        f"{again['max']} ms at most.\n"
    )


def _planted(found: dict[str, Planted]) -> str:
    rows: list[list[object]] = [
        [
            name,
            f"`{module_of(name)}`",
            found[name]["seed"],
            f"{found[name]['seed'] + 1} of {BUGS[name].seeds}",
            found[name]["said"],
        ]
        for name in sorted(found)
    ]
    return (
        f"## Planted bugs\n\n{len(found)} bugs put into the real code on purpose, one at a time, each in worlds made for "
        "it ([`tests/simulation/planted`](../../tests/simulation/planted)); `make test` finds each of them anew. Worlds: how "
        "many were played until a checker said so, from seed 0 on, and how many there may be.\n\n"
        + table(["Bug", "Module", "Seed", "Worlds", "What the checker said"], rows)
    )


def module_of(name: str) -> str:
    """The module of `planted` that has the bug."""
    return BUGS[name].patches.__module__.rpartition(".")[2]


def _found(runs: list[dict[str, Any]]) -> str:
    rows: list[list[object]] = []
    for line in SEEDS.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            words = line.split(" ")
            short = words[0] == "short"
            rows.append(
                [words[1] if short else words[0], "short" if short else "long", " ".join(words[1 + short :])]
            )
    broken = [f"seed {seed}: {said}" for run in runs for seed, said in run["broken"]]
    return (
        "## Bugs of the broker that worlds have found\n\nEach was mended, has a scenario test of its own, and its seed is "
        "played by every `make test`.\n\n"
        + table(["Seed", "World", "What it found"], rows)
        + ("\nBroken in the runs above:\n\n" + "".join(f"- {each}\n" for each in broken) if broken else "")
    )


def _digests(run: dict[str, Any]) -> str:
    lines = [
        f"{int(first):>7} {digest}"
        for first, digest in sorted(run["blocks"].items(), key=lambda each: int(each[0]))
    ]
    columns = 4
    height = -(-len(lines) // columns)
    body = "\n".join("   ".join(lines[row::height]) for row in range(height))
    return (
        "## Do it again\n\nA digest over all that a thousand worlds told, by their first seed. Digests belong to the "
        f"commit: check out `{run['commit']}`, then `make worlds WORLDS=1000 FIRST=n` prints that of the seeds from n on "
        "under `blocks`. A world that breaks prints the command that replays it with its story.\n\n"
        f"```text\n{body}\n```\n"
    )


def main() -> int:
    """Write the page, or say that it is stale."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.report", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is stale")
    parser.add_argument("--plant", action="store_true", help="find every planted bug first")
    arguments = parser.parse_args()
    results = load()
    if arguments.plant:
        results["planted"] = plant(sorted(BUGS))
    if arguments.check:
        if PAGE.read_text("utf-8") != page(results):
            print(f"stale: {PAGE.relative_to(ROOT)}. Run: python -m tests.simulation.report", file=sys.stderr)
            return 1
        return 0
    save(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
