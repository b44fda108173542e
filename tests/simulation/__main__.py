"""Run worlds: `python -m tests.simulation --seconds 60`; replay one: `--seed N`, with every event: `--story`."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from typing import TYPE_CHECKING

from tests.simulation.plan import draw, draw_short
from tests.simulation.planted import BUGS, planted
from tests.simulation.world import run_plan, run_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.plan import Plan


def main() -> int:
    """0 when every world kept its promises."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to try new seeds")
    parser.add_argument(
        "--first", type=int, default=None, help="the first seed; the default is another one each day"
    )
    parser.add_argument("--seed", type=int, default=None, help="replay this seed alone")
    parser.add_argument("--short", action="store_true", help="the seed's short world, as campaigns play it")
    parser.add_argument("--plant", choices=sorted(BUGS), default=None, help="with this bug put in on purpose")
    parser.add_argument("--story", action="store_true", help="print every event")
    parser.add_argument("--digest", action="store_true", help="print the digest of the seed's story")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        plan = draw_short(arguments.seed) if arguments.short else draw(arguments.seed)
        return replay(
            plan, arguments.plant, short=arguments.short, story=arguments.story, digest=arguments.digest
        )
    first = int(time.time()) // 86_400 * 1_000_000 if arguments.first is None else arguments.first
    return search(first, arguments.seconds)


def replay(plan: Plan, plant: str | None, *, short: bool, story: bool, digest: bool) -> int:
    """One world again."""
    seed = plan.seed
    with planted(plant):
        try:
            world = run_plan(plan, keep_story=story)
        except Exception as error:
            report(seed, error, plant, short=short)
            return 1
    if story:
        print("\n".join(world.story.lines))
    if digest:
        print(world.story.digest)
    else:
        print(
            f"seed {seed}: {world.story.count} events in {world.time_ms} ms of its time; every promise was kept"
        )
    return 0


def search(first: int, seconds: float) -> int:
    """New worlds until the time is over or one breaks."""
    began = shown = time.monotonic()
    worlds = events = lives = 0
    for seed in seeds_from(first):
        if time.monotonic() - began >= seconds:
            break
        try:
            world = run_seed(seed)
        except Exception as error:
            report(seed, error, None)
            return 1
        worlds, events, lives = worlds + 1, events + world.events, lives + world.host.life
        if time.monotonic() - shown >= 10:
            shown = time.monotonic()
            print(
                f"{worlds} worlds, {events} events, {lives} lives of the broker: every promise kept",
                flush=True,
            )
    print(f"{worlds} worlds from seed {first} on, {events} events, {lives} lives: every promise was kept")
    return 0


def seeds_from(first: int) -> Iterator[int]:
    """Seeds without an end."""
    while True:
        yield first
        first += 1


def report(seed: int, error: Exception, plant: str | None, *, short: bool = False) -> None:
    """What broke, the last events, and the one command that replays it."""
    world = getattr(error, "world", None)
    if world is not None:
        print("the last events:")
        for line in list(world.story.lines)[-30:]:
            print(line)
    if type(error).__name__ != "Violation":
        traceback.print_exception(error)
    options = (" --short" if short else "") + (f" --plant {plant}" if plant else "")
    print(
        f"\n{type(error).__name__}: {error}\nreplay: python -m tests.simulation --seed {seed}{options} --story"
    )


if __name__ == "__main__":
    sys.exit(main())
