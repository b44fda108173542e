"""Every bug put in on purpose is found within a few seeds, and the seed that finds it is sound without it.

Found means: a checker said so. Another exception would only show that the bug was put in clumsily.
"""

from __future__ import annotations

import pytest

from tests.simulation.plan import draw
from tests.simulation.planted import BUGS, planted
from tests.simulation.story import Violation
from tests.simulation.world import run_plan


@pytest.mark.parametrize("name", sorted(BUGS))
def test_a_planted_bug_is_found(name: str) -> None:
    bug = BUGS[name]
    with planted(name):
        for seed in range(bug.seeds):
            plan = bug.plan(draw(seed))
            try:
                run_plan(plan)
            except Violation:
                break
        else:
            pytest.fail(f"{bug.seeds} worlds did not find it")
    run_plan(plan)
