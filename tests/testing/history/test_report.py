"""The report; and the checker against histories of a log that is right by construction."""

from __future__ import annotations

import json
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as some

from neuraxis.testing.history import History, from_lines, judge, to_line
from tests.testing.history.model import ACTIONS, Model
from tests.testing.history.script import A, Script, states


@settings(max_examples=300, deadline=None)
@given(some.lists(ACTIONS, max_size=80))
def test_a_correct_log_is_never_accused(actions: list[tuple[int, int, int]]) -> None:
    model = Model()
    for action in actions:
        model.act(*action)
    model.finish()
    report = judge(model.history)
    assert not report.broken, [verdict.findings for verdict in report.broken]


def test_the_model_reaches_everything_that_is_judged() -> None:
    """Else the property above would prove little."""
    model = Model()
    for number in range(3000):
        model.act(number * 7919 % 101, number * 104729 % 97, number * 1299709 % 89)
    model.finish()
    report = judge(model.history)
    assert states(report) == {verdict.name: "ok" for verdict in report.verdicts}
    assert all(verdict.checked > 100 for verdict in report.verdicts), report
    assert all(sum(counts.values()) for counts in report.outcomes.values())
    assert min(report.outcomes["txn"].values()) > 10


def test_the_report_survives_json_and_names_what_is_broken() -> None:
    script = Script()
    script.send(1, 0)
    script.poll((2, 0))
    report = script.judge()
    shown = json.loads(json.dumps(report.as_json()))
    assert shown["broken"] == ["aborted-read", "inconsistent-offsets", "lost-write", "spurious-zero"]
    assert {row["name"] for row in shown["verdicts"]} == set(states(report))
    assert shown["operations"]["send"] == {"ok": 1, "fail": 0, "unknown": 0}
    again = judge(History.of(from_lines(to_line(event) for event in script.events)))
    assert again == report


def test_judging_loads_neither_broker_nor_client() -> None:
    program = (
        "import sys, neuraxis.testing.history as h; h.judge(h.History(()));"
        "print([n for n in sys.modules if n.startswith(('neuraxis.broker', 'neuraxis.client', 'confluent_kafka'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_logs_are_named_as_kafka_names_their_directories() -> None:
    assert str(A) == "drives-0"
