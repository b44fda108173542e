"""Many short worlds: `python -m tests.simulation.campaign --worlds 100000`; goes on where it was stopped.

Chunks of seeds are played in processes of their own. What each gave is a line in a file that is named after the commit, so that
a campaign can be stopped at any time; a world that breaks is kept with its sentence, and the others go on. One world in twenty
is played again in another process, whose hashes differ: its story must be the same.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from tests.simulation import report
from tests.simulation.plan import draw_short
from tests.simulation.world import run_plan

if TYPE_CHECKING:
    from typing import Any  # Any: a hash

    from tests.simulation.world import World

ROOT = Path(__file__).parents[2]
CHUNK = 500
TWICE = 20
LEAST_EVENTS = 500


class Chunk(TypedDict):
    """What the worlds of a range of seeds gave."""

    first: int
    count: int
    events: int
    fewest_events: int
    lives: int
    cpu_ms: list[int]
    injected: dict[str, int]
    places: dict[str, int]
    observed: dict[str, int]
    digest: str
    broken: list[tuple[int, str]]


def play(seed: int) -> World:
    """One short world."""
    return run_plan(draw_short(seed))


def play_chunk(first: int, count: int) -> Chunk:
    """The worlds of a range, and one in twenty of them again in another process.

    Rubbish is collected after each world, which counts as a part of it, and not at times that depend on the others.
    """
    _play_chunk(first | 1, 1)  # the first world of a process pays for what is made once
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        return _play_chunk(first, count)
    finally:
        gc.enable()
        gc.unfreeze()


def _play_chunk(first: int, count: int) -> Chunk:
    fold, broken, cpu_ms = hashlib.sha256(), [], []
    injected, places, observed = Counter[str](), Counter[str](), Counter[str]()
    events = lives = 0
    fewest = sys.maxsize
    twice: dict[int, str] = {}
    for seed in range(first, first + count):
        began = time.process_time()
        try:
            world = play(seed)
        except Exception as error:  # however a world breaks, it is a finding, and the next one is played
            broken.append((seed, f"{type(error).__name__}: {error}"))
            continue
        digest = world.story.digest
        fold.update(digest.encode())
        injected.update(world.injected)
        places.update(world.places)
        observed.update(world.observed)
        events, lives, fewest = events + world.played, lives + world.host.life, min(fewest, world.played)
        if seed % TWICE == 0:
            twice[seed] = digest
        del world
        gc.collect()
        cpu_ms.append(round((time.process_time() - began) * 1000))
    broken += [(seed, "another process told another story") for seed in differing(twice)]
    return Chunk(
        first=first,
        count=count,
        events=events,
        fewest_events=fewest,
        lives=lives,
        cpu_ms=cpu_ms,
        injected=dict(injected),
        places=dict(places),
        observed=dict(observed),
        digest=fold.hexdigest(),
        broken=broken,
    )


def differing(digests: dict[int, str]) -> list[int]:
    """The seeds whose story is another one in a process with another hash seed."""
    if not digests:
        return []
    command = [sys.executable, "-m", "tests.simulation.campaign", "--digests", *map(str, digests)]
    environment = {**os.environ, "PYTHONHASHSEED": str(1 + min(digests) % 4_000_000_000)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return [
        seed
        for (seed, digest), told in zip(digests.items(), done.stdout.split(), strict=True)
        if digest != told
    ]


def commit() -> str:
    """The commit that is checked out."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def campaign(first: int, worlds: int, processes: int) -> list[Chunk]:
    """Play what is missing of a range of seeds; every chunk of it."""
    path = ROOT / ".cache" / "worlds" / f"{commit()}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = {(at, min(CHUNK, first + worlds - at)) for at in range(first, first + worlds, CHUNK)}
    known = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    chunks: list[Chunk] = [each for each in known if (each["first"], each["count"]) in wanted]
    missing = wanted - {(each["first"], each["count"]) for each in chunks}
    began, done = time.monotonic(), 0
    with ProcessPoolExecutor(processes) as pool, path.open("a", encoding="utf-8") as file:
        for future in as_completed([pool.submit(play_chunk, *each) for each in sorted(missing)]):
            chunk = future.result()
            chunks.append(chunk)
            file.write(json.dumps(chunk) + "\n")
            file.flush()
            done += 1
            left_s = (time.monotonic() - began) / done * (len(missing) - done)
            print(
                f"\r{len(chunks)} of {len(wanted)} chunks, {left_s / 60:.0f} min to go ",
                end="",
                file=sys.stderr,
            )
            for seed, sentence in chunk["broken"]:
                print(f"\nseed {seed} broke: {sentence}", file=sys.stderr)
                print(f"replay: python -m tests.simulation --seed {seed} --short --story", file=sys.stderr)
    print(file=sys.stderr)
    return sorted(chunks, key=lambda chunk: chunk["first"])


SLOW_MS = 100
TRIES = 3


def slow_again(chunks: list[Chunk]) -> dict[str, int]:
    """The worlds that took too long, played again: how many do so each time, and the longest of their shortest."""
    slow: list[int] = []
    for chunk in chunks:
        broken = {seed for seed, _ in chunk["broken"]}
        seeds = [
            seed for seed in range(chunk["first"], chunk["first"] + chunk["count"]) if seed not in broken
        ]
        slow += [seed for seed, ms in zip(seeds, chunk["cpu_ms"], strict=True) if ms > SLOW_MS]
    least = []
    for seed in slow:
        tries: list[int] = []
        while len(tries) < TRIES and min(tries, default=SLOW_MS + 1) > SLOW_MS:
            tries += play_chunk(seed, 1)["cpu_ms"]
        least.append(min(tries))
    return {"worlds": len(slow), "over_100": sum(ms > SLOW_MS for ms in least), "max": max(least, default=0)}


BLOCK = 1_000
"""Seeds that share a digest in the report."""


def blocks(chunks: list[Chunk]) -> dict[str, str]:
    """The first seed of each whole block, and the digest over what its chunks told."""
    folds: dict[int, Any] = {}
    counts: Counter[int] = Counter()
    for chunk in chunks:
        at = chunk["first"] - chunk["first"] % BLOCK
        folds.setdefault(at, hashlib.sha256()).update(chunk["digest"].encode())
        counts[at] += chunk["count"]
    return {str(at): fold.hexdigest()[:16] for at, fold in folds.items() if counts[at] == BLOCK}


def summary(chunks: list[Chunk]) -> dict[str, object]:
    """The figures of a campaign."""
    cpu_ms = sorted(ms for chunk in chunks for ms in chunk["cpu_ms"])
    injected, places, observed = Counter[str](), Counter[str](), Counter[str]()
    for chunk in chunks:
        injected.update(chunk["injected"])
        places.update(chunk["places"])
        observed.update(chunk["observed"])
    return {
        "commit": commit(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "first_seed": chunks[0]["first"],
        "worlds": sum(chunk["count"] for chunk in chunks),
        "events": sum(chunk["events"] for chunk in chunks),
        "fewest_events": min(chunk["fewest_events"] for chunk in chunks),
        "lives": sum(chunk["lives"] for chunk in chunks),
        "cpu_ms": {
            "mean": round(sum(cpu_ms) / len(cpu_ms), 1),
            "median": cpu_ms[len(cpu_ms) // 2],
            "p95": cpu_ms[len(cpu_ms) * 95 // 100],
            "p99": cpu_ms[len(cpu_ms) * 99 // 100],
            "max": cpu_ms[-1],
            "over_100": sum(ms > SLOW_MS for ms in cpu_ms),
        },
        "injected": dict(injected.most_common()),
        "places": dict(sorted(places.items())),
        "observed": dict(observed.most_common()),
        "broken": [one for chunk in chunks for one in chunk["broken"]],
        "digest": hashlib.sha256("".join(chunk["digest"] for chunk in chunks).encode()).hexdigest(),
        "blocks": blocks(chunks),
    }


def main() -> int:
    """0 when every world kept its promises and had as many events as it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.campaign", description=__doc__)
    parser.add_argument("--worlds", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--report", action="store_true", help="put the figures into docs/reference/simulation.md"
    )
    parser.add_argument(
        "--digests", type=int, nargs="+", default=None, help="print these worlds' digests only"
    )
    arguments = parser.parse_args()
    if arguments.digests is not None:
        print("\n".join(play(seed).story.digest for seed in arguments.digests))
        return 0
    chunks = campaign(arguments.first, arguments.worlds, arguments.processes)
    found = summary(chunks)
    if arguments.report:
        found["slow_again"] = slow_again(chunks)
        report.add_run(found)
        return 0
    print(json.dumps(found, indent=1))
    return 1 if found["broken"] or int(str(found["fewest_events"])) < LEAST_EVENTS else 0


if __name__ == "__main__":
    sys.exit(main())
