"""What the run says about a budget, and how the page shows it."""

from __future__ import annotations

from bench import report
from bench.common import KAFKA, Samples, neuraxis
from bench.limits import DISK, MACHINE
from bench.produce import RATE
from bench.run import verdicts


def samples_of(ours: list[float], theirs: list[float]) -> Samples:
    samples = Samples()
    for name, values in ((neuraxis("os"), ours), (KAFKA, theirs)):
        for value in values:
            samples.add(RATE, name, value)
    return samples


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    samples = samples_of([10, 100, 30], [10, 50, 60])
    assert samples.ratio(RATE, neuraxis("os"), KAFKA) == 1.0


def test_a_budget_is_met_at_its_limit_and_missed_below() -> None:
    (met,) = verdicts(samples_of([100], [100]))
    (missed,) = verdicts(samples_of([99], [100]))
    assert (met["met"], missed["met"]) == (True, False)


def test_synced_produce_is_held_to_the_lesser_of_kafka_and_the_disk() -> None:
    samples = samples_of([500], [500])
    samples.add(RATE, neuraxis("sync"), 95)
    samples.add(DISK, MACHINE, 100)
    (verdict,) = [one for one in verdicts(samples) if one["contender"] == neuraxis("sync")]
    assert (verdict["limit"], verdict["met"]) == (90, True)


def test_the_page_says_missed_where_a_budget_is_missed() -> None:
    document = {"budgets": verdicts(samples_of([50], [100])), "samples": {}, "failures": ["startup: why"]}
    assert "**missed**" in report.tables(document)
    assert "- startup: why" in report.tables(document)
