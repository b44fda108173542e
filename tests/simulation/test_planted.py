"""Every bug put in on purpose is found within a few seeds, and the seed that finds it is sound without it."""

from __future__ import annotations

import pytest

from tests.simulation.plan import draw
from tests.simulation.planted import BUGS, planted
from tests.simulation.world import run_plan


@pytest.mark.parametrize("name", sorted(BUGS))
def test_a_planted_bug_is_found(name: str) -> None:
    bug = BUGS[name]
    with planted(name):
        for seed in range(bug.seeds):
            plan = bug.plan(draw(seed))
            try:
                run_plan(plan)
            except Exception:
                break
        else:
            pytest.fail(f"{bug.seeds} worlds did not find it")
    run_plan(plan)
