"""The gate: a fixed number of worlds, the regression seeds, and the proof that a seed is a whole world."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import campaign
from tests.simulation.plan import draw_short
from tests.simulation.world import run_plan, run_seed

ROOT = Path(__file__).parents[2]
SEEDS = range(1, 81)
CHUNK = 10
TWICE = SEEDS[::20]  # 5 % of them run in two more processes, whose hashes differ
FOUND = [
    line.split()
    for line in (Path(__file__).parent / "seeds.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
REGRESSIONS = [int(words[0]) for words in FOUND if words[0] != "short"]
SHORT_REGRESSIONS = [int(words[1]) for words in FOUND if words[0] == "short"]


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_worlds_keep_their_promises(first: int) -> None:
    for seed in range(first, first + CHUNK):
        play(seed)


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_was_found_once_stays_found(seed: int) -> None:
    play(seed)


@pytest.mark.parametrize("seed", SHORT_REGRESSIONS)
def test_what_a_short_world_found_stays_found(seed: int) -> None:
    run_plan(draw_short(seed))


@pytest.mark.parametrize("first", range(0, 100, 50))
def test_short_worlds_keep_their_promises_and_are_no_idle_ones(first: int) -> None:
    chunk = campaign.play_chunk(first, 50)
    assert chunk["broken"] == []
    assert chunk["fewest_events"] >= campaign.LEAST_EVENTS
    assert chunk["injected"]


def play(seed: int) -> None:
    try:
        run_seed(seed)
    except Exception as error:
        error.add_note(f"replay: python -m tests.simulation --seed {seed} --story")
        raise


def digest_in_another_process(seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "--digest"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("seed", TWICE)
def test_a_seed_is_the_same_world_in_every_process(seed: int) -> None:
    here = run_seed(seed).story.digest
    assert digest_in_another_process(seed, "1") == digest_in_another_process(seed, "2") == here
