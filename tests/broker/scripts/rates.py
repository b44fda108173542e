"""Asks Kafka's own accounting of quotas (`Rates.java`) about seeded events: `python -m tests.broker.scripts.rates`."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.broker.scripts.player import DATA

ANSWERS = DATA / "rates.json"
WINDOWS = [(11, 1), (2, 1), (3, 5), (1, 1), (6, 2)]
EVENTS = 60


def cases(seed: int = 7) -> list[dict[str, Any]]:
    """A rate and a bucket for each choice of windows, with the events for it: bursts, pauses, values taken back."""
    chance = random.Random(seed)
    made = []
    for kind in ("rate", "bucket"):
        for count, size_s in WINDOWS:
            limit = chance.choice([1.0, 2.5, 100.0, 1_000_000.0])
            now_ms, events = 1_000_000 + chance.randrange(5000), []
            for _ in range(EVENTS):
                span_ms = count * size_s * 1000
                now_ms += chance.choice([0, 1, 10, 200, size_s * 1000, span_ms // 3, span_ms, 3 * span_ms])
                value = round(limit * chance.choice([0, 0.1, 1, span_ms / 700]) * chance.random(), 3)
                events.append([now_ms, value])
                if kind == "rate" and chance.random() < 0.1:
                    events.append([now_ms, -value])
            made.append({"kind": kind, "windows": count, "size_s": size_s, "limit": limit, "events": events})
    return made


def main() -> None:
    """Compile, ask, write down."""
    from compat.kafka import broker_libs

    libs = f"{broker_libs()}/*"
    classes = tempfile.mkdtemp(prefix="rates-")
    source = Path(__file__).parent / "Rates.java"
    subprocess.run(["javac", "-nowarn", "-cp", libs, "-d", classes, source], check=True)
    asked = cases()
    lines = []
    for case in asked:
        lines.append(f"{case['kind']} {case['windows']} {case['size_s']} {case['limit']}")
        lines += [f"{now_ms} {value}" for now_ms, value in case["events"]]
    command = ["java", "-cp", f"{libs}:{classes}", "Rates"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True)
    said = iter(done.stdout.splitlines())
    for case in asked:
        answers = [next(said).split() for _ in case["events"]]
        case["answers"] = [[float(measure), int(throttle_ms)] for measure, throttle_ms in answers]
    ANSWERS.write_text("[\n" + ",\n".join(json.dumps(case) for case in asked) + "\n]\n")
    print(f"{sum(len(case['events']) for case in asked)} answers")


if __name__ == "__main__":
    main()
