"""The page of the scale bench is what its figures say; a limit is a limit; and a broker's memory stays what it was under a load
that stays what it is."""

from __future__ import annotations

import gc
import json
import logging

import pytest

from bench.scale import report
from bench.scale.client import Refused, check
from bench.scale.figures import FLAT, Curve, Figures, Limit, restored
from bench.scale.load_of_a_day import EXPIRY_MS, STEP_MS, Day
from bench.scale.weight import by_owner
from neuraxis.wire.messages.heartbeat import HeartbeatResponse
from neuraxis.wire.messages.produce import PartitionProduceResponse, ProduceResponse, TopicProduceResponse

SLACK_BYTES = 4096
"""Tables grow in steps, and each moment is at another place of a step."""


def test_the_page_and_its_pictures_are_what_the_figures_say() -> None:
    document = json.loads(report.DOCUMENT.read_text())
    stale = [path.name for path, text in report.pages(document).items() if path.read_text() != text]
    assert not stale, "run: python -m bench.scale.report"
    kept = {path.name for path in report.IMAGES.glob("scale-*.svg")}
    assert kept == {path.name for path in report.pages(document)} - {report.PAGE.name}


def test_every_part_is_measured() -> None:
    assert set(json.loads(report.DOCUMENT.read_text())["parts"]) == set(report.PARTS)


def test_a_limit_is_met_at_its_value_and_missed_above() -> None:
    assert Limit("memory", 10.0, 10.0, "kB").met
    figures = Figures(limits=[Limit("memory", 10.1, 10.0, "kB")])
    assert "**missed**" in report.limits_table({"connections": figures})


def test_a_curve_that_grows_misses_its_limit_and_names_the_request() -> None:
    figures = Figures()
    lines = {"Produce": [10.0, 11.0], "Fetch": [10.0, 10.0 * FLAT + 1]}
    figures.draw(Curve("Requests to one of all topics", "topics", [1, 10_000], lines=lines))
    (limit,) = figures.limits
    assert not limit.met
    assert "Fetch" in limit.what


def test_figures_survive_their_document() -> None:
    figures = Figures()
    figures.must("memory", 1.5, 2, "kB")
    figures.tell("CPU", 3, "µs")
    figures.draw(Curve("Groups", "groups", [1, 10], lines={"Heartbeat": [15.0, 16.0]}))
    assert restored(json.loads(json.dumps(figures.document()))) == figures


def test_an_error_deep_in_an_answer_is_not_overlooked() -> None:
    check(HeartbeatResponse())
    partition = PartitionProduceResponse(0, 3, -1)
    with pytest.raises(Refused, match="PartitionProduceResponse says 3"):
        check(ProduceResponse([TopicProduceResponse("t", bytes(16), [partition])]))


def test_the_memory_of_each_part_of_a_broker_stays_what_it_was_under_steady_load(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Producers and transactions that end, groups, sessions, topics and strangers that come and go: two of their lifetimes."""
    caplog.set_level(logging.CRITICAL, logger="neuraxis.broker")
    day = Day()

    def weighed(lifetimes: int) -> dict[str, int]:
        for _ in range(lifetimes * EXPIRY_MS // STEP_MS):
            day.step()
        gc.collect()
        return by_owner(day.broker.core)

    settled, later = weighed(4), weighed(2)
    assert sum(settled.values()) > 100_000, "there is something to be weighed"
    grown = {
        name: weight - settled[name] for name, weight in later.items() if weight > settled[name] + SLACK_BYTES
    }
    assert not grown
    groups = day.broker.node.group_shards[0].state.groups
    assert len(groups) < 10, "groups that ended were forgotten"


def test_what_a_broker_keeps_for_ever_is_noticed() -> None:
    day = Day()
    before = by_owner(day.broker.core)
    for number in range(1000):
        day.broker.node.quotas._rates["kept", (str(number), None)] = None
    after = by_owner(day.broker.core)
    assert after["node.quotas"] > before["node.quotas"] + 50_000
