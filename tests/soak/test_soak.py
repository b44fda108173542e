"""A short soak with every client and every fault: nothing is wrong, and each checker had something to look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak import conductor, report
from tests.soak.scene import Scene, Worker

TOO_SHORT = {"memory"}
"""What a soak of seconds cannot say."""
PLAN = conductor.SoakPlan(
    seconds=14, seed=20261125, kill_s=(3.0, 5.0), calm_s=(0.5, 1.5), sample_s=1.0, kills_share=0.9
)


@pytest.mark.timeout(240)
def test_a_short_soak_is_clean_and_every_checker_had_something_to_look_at(tmp_path: Path) -> None:
    result = conductor.run(PLAN, tmp_path)
    wrong = [sentence for sentence in result.wrong if sentence.split(" ")[0] not in TOO_SHORT]
    assert wrong == [], report.text(result)
    assert result.faults["kill"] >= 1
    for what in (
        "classic commits",
        "consumer commits",
        "streams commits",
        "share records accepted",
        "keys written",
    ):
        assert result.counts[what] > 3, what
    page = report.page(result)
    assert all(verdict.name in report.MUST_HOLD for verdict in result.all)
    assert "| share-settled | ok |" in page


class Broken(Worker):
    """Fails at once."""

    def live(self) -> None:
        raise ZeroDivisionError("on purpose")


def test_a_client_that_fails_in_a_way_of_its_own_is_a_finding(scene: Scene) -> None:
    worker = Broken(scene, "broken")
    worker.start()
    worker.join(10)
    scene.count("answers")
    assert "ZeroDivisionError" in scene.verdict().findings[0]


def test_an_answer_that_nobody_expects_is_a_finding(scene: Scene) -> None:
    assert scene.verdict().state == "unknown"
    scene.count("answers")
    assert scene.verdict().state == "ok"
    scene.surprise("somebody", "a strange answer")
    assert scene.verdict().findings == ("somebody: a strange answer",)
