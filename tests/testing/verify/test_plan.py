"""What the threads of a run share."""

from __future__ import annotations

from neuraxis.client import Settings
from neuraxis.testing.history import Log
from neuraxis.testing.verify.plan import Plan, Stage
from neuraxis.testing.verify.recorder import Recorder


def test_logs_values_and_names_belong_to_the_run() -> None:
    stage = Stage(Settings(bootstrap="h:1"), Plan(partitions=2), ("a", "b"), Recorder(), "run-7")
    assert stage.logs == [Log("a", 0), Log("a", 1), Log("b", 0), Log("b", 1)]
    assert [stage.value(stage.logs[0]), stage.value(stage.logs[0]), stage.value(stage.logs[1])] == [1, 2, 1]
    assert stage.group_id("members") == "run-7-members"
    assert stage.configuration({"linger.ms": 1})["bootstrap.servers"] == "h:1"
    stage.complain("p", "no")
    assert stage.problems == ["p: no"]
