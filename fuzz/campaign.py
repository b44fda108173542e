"""Runs all fuzz targets until so many inputs were fed, and adds what happened to `fuzz/results.json`; keeps the corpus.

    python -m fuzz.campaign [--inputs 10000000] [--core 1000000] [--seed N] [--minutes M]

The rule of the file: what is counted was fed. A chunk in which something is found counts for nothing, and the campaign goes on.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import random
import resource
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fuzz import core, decoders

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
CORPUS = FOLDER / "corpus"
CHUNK = 500
"""Inputs of a target with weight 1 in a round."""
KEPT_KINDS = 150
"""Inputs kept of one target: the corpus is read by a test, whose time is seconds."""
KEPT_BYTES = 600
PACKAGES = ("cramjam", "fastcrc", "cryptography")
RSS_LIMIT_BYTES = 1 << 30
"""More is a leak: a world holds some ten megabytes, the samples of all decoders a hundred."""


@dataclass
class Tally:
    """What one target did. `rss_bytes` is the most this process held after a round of it."""

    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    rss_bytes: int = 0
    findings: list[dict[str, str]] = field(default_factory=list)

    def found(self, error: BaseException) -> None:
        """Remember a finding, once for each place it comes from."""
        place = signature(error)
        if all(known["where"] != place for known in self.findings):
            note = " ".join(getattr(error, "__notes__", []))
            self.findings.append({"where": place, "what": str(error)[:300], "again": note[:3000]})
            print(f"FOUND {place}: {str(error)[:3000]}\n  {note[:600]}", flush=True)
            traceback.print_exception(error, limit=-4)


def signature(error: BaseException) -> str:
    """What makes two findings one: the exception and the last line of ours it passed; for an answer, its first line."""
    places = [place for place in traceback.extract_tb(error.__traceback__) if "neuraxis" in place.filename]
    if isinstance(error, core.Finding) or not places:
        lines = str(error).strip().split("\n")
        return f"{type(error).__name__}: {lines[-1][:100]} <- {lines[-3].strip()[:100] if len(lines) > 3 else ''}"
    return f"{type(error).__name__} at {Path(places[-1].filename).stem}:{places[-1].lineno}"


def rss_bytes() -> int:
    """What this process holds now."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


class Campaign:
    """One run: rounds of all decoders and of the core, in the proportion that was asked for."""

    def __init__(self, inputs: int, core_inputs: int, seed: int) -> None:
        self.inputs, self.core_inputs, self.seed = inputs, core_inputs, seed
        self.started = time.time()
        self.tallies: dict[str, Tally] = {"core": Tally()} | {name: Tally() for name in decoders.TARGETS}
        self.worlds = 0
        self.outcomes: dict[tuple[int, int], bytes] = {}
        self.rng = random.Random(f"campaign {seed}")

    def total(self) -> int:
        """Inputs so far."""
        return sum(tally.inputs for tally in self.tallies.values())

    def run(self, until: float) -> None:
        """Rounds until both numbers are reached, or the time is over."""
        core.watch_errors()
        targets = decoders.targets()
        told = time.time()
        while time.time() < until:
            decoded = self.total() - self.tallies["core"].inputs
            wanted = self.inputs - self.core_inputs
            if decoded >= wanted and self.tallies["core"].inputs >= self.core_inputs:
                return
            if decoded < wanted:
                for name, target in targets.items():
                    self._decode(name, CHUNK * target.weight)
            ahead = self.tallies["core"].inputs * max(1, wanted) - decoded * self.core_inputs
            while (ahead < 0 or decoded >= wanted) and self.tallies["core"].inputs < self.core_inputs:
                self._world()
                told = self._tell(told)
                ahead = self.tallies["core"].inputs * max(1, wanted) - decoded * self.core_inputs
                if time.time() >= until:
                    break
            told = self._tell(told)

    def _tell(self, told: float) -> float:
        """Say how far it is, every twenty seconds; when it was said last."""
        if time.time() - told <= 20:
            return told
        core_inputs = self.tallies["core"].inputs
        print(
            f"{int(time.time() - self.started)} s: {self.total()} inputs, of them {core_inputs} to the core; "
            f"{rss_bytes() >> 20} MiB",
            flush=True,
        )
        return time.time()

    def _decode(self, name: str, count: int) -> None:
        tally = self.tallies[name]
        started = time.monotonic()
        try:
            tally.refused += decoders.feed(name, self.rng, count)
            tally.inputs += count
        except Exception as error:
            tally.found(error)
        tally.seconds += time.monotonic() - started
        self._look(tally)

    def _world(self) -> None:
        tally = self.tallies["core"]
        started = time.monotonic()
        seed = self.seed * 1_000_000 + self.worlds
        self.worlds += 1
        try:
            world = core.play(seed)
            tally.inputs += world.frames
            for outcome, frame in world.outcomes.items():
                self.outcomes.setdefault(outcome, frame)
        except Exception as error:
            tally.found(error)
        tally.seconds += time.monotonic() - started
        if self.worlds % 8 == 0:
            gc.collect()
        self._look(tally)

    def _look(self, tally: Tally) -> None:
        held = rss_bytes()
        tally.rss_bytes = max(tally.rss_bytes, held)
        if held > RSS_LIMIT_BYTES:
            raise SystemExit(f"the process holds {held >> 20} MiB: something leaks, or an input is too dear")

    def result(self) -> dict[str, Any]:  # Any: JSON
        """This run as JSON."""
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=FOLDER
        )
        return {
            "day": time.strftime("%Y-%m-%d", time.gmtime(self.started)),
            "commit": commit.stdout.strip(),
            "seed": self.seed,
            "seconds": round(time.time() - self.started),
            "worlds": self.worlds,
            "answers": len(self.outcomes),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "versions": {"neuraxis": version("neuraxis"), "python": platform.python_version()}
            | {name: version(name) for name in PACKAGES},
            "targets": {
                name: asdict(tally) | {"seconds": round(tally.seconds)}
                for name, tally in self.tallies.items()
            },
        }


def keep_corpus(campaign: Campaign) -> None:
    """Add the first input of each kind to the corpus files; what is there stays."""
    CORPUS.mkdir(exist_ok=True)
    for name, target in decoders.targets().items():
        found = {kind: f"{label}\t{data.hex()}" for kind, (label, data) in target.kinds.items()}
        _keep(CORPUS / f"{name.replace(' ', '_')}.txt", found, KEPT_KINDS)
    answers = {f"{key} {code}": f"\t{data.hex()}" for (key, code), data in campaign.outcomes.items()}
    _keep(CORPUS / "core.txt", answers, 1_000)


def _keep(path: Path, found: dict[str, str], most: int) -> None:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    known = dict(line.split("\t", 1) for line in lines)
    for kind in sorted(found):
        if len(known) < most and len(found[kind]) <= 2 * KEPT_BYTES:
            known.setdefault(kind, found[kind])
    path.write_text("".join(f"{kind}\t{rest}\n" for kind, rest in sorted(known.items())), "utf-8")


def main() -> int:
    """Run, keep the corpus and add the run to the results. The exit code is 1 when something was found."""
    parser = argparse.ArgumentParser(
        prog="python -m fuzz.campaign", description="Fuzz everything, and count."
    )
    parser.add_argument("--inputs", type=int, default=10_000_000, help="in all, the core's included")
    parser.add_argument("--core", type=int, default=1_000_000, help="of them, to the whole core")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    campaign = Campaign(options.inputs, options.core, options.seed)
    try:
        campaign.run(time.time() + options.minutes * 60)
    finally:
        runs = json.loads(options.results.read_text("utf-8")) if options.results.exists() else []
        result = campaign.result()
        options.results.write_text(json.dumps([*runs, result], indent=1) + "\n", "utf-8")
        keep_corpus(campaign)
    found = sum(len(tally.findings) for tally in campaign.tallies.values())
    print(f"{campaign.total()} inputs in {result['seconds']} s, {found} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
