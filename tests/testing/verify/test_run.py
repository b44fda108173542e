"""A whole run against a broker in this process."""

from __future__ import annotations

from neuraxis.client import Settings
from neuraxis.testing import Broker
from neuraxis.testing.history import History, judge
from neuraxis.testing.verify import Fault, Plan, Recorder, Run, Status
from neuraxis.testing.verify.plan import ALONE, FINAL, GROUP


def test_a_broker_keeps_its_promises_and_the_run_cleans_up() -> None:
    shown: list[Status] = []
    struck: list[str] = []
    fault = Fault("nudge", lambda: struck.append("strike"), lambda: struck.append("heal"))
    recorder = Recorder()
    with Broker() as broker:
        settings = Settings(bootstrap=broker.bootstrap)
        outcome = Run(settings, Plan(seconds=2.0), recorder, [fault], shown.append).record()
        from neuraxis.client import Client

        assert not set(outcome.topics) & set(Client(bootstrap=broker.bootstrap).admin().topic_names())
    report = judge(History.of(recorder.events))
    assert not report.broken, [verdict.findings for verdict in report.broken]
    transactional = {"cycles", "precommitted-read"} if outcome.transactions is not None else set()
    assert {verdict.name for verdict in report.verdicts if verdict.state == "unknown"} <= transactional
    assert report.outcomes["send"]["ok"] > 100
    assert report.outcomes["commit"]["ok"] > 10
    assert struck == ["strike", "heal"] * outcome.faults["nudge"]
    [drain] = [each for each in History.of(recorder.events).operations if each.kind == "drain"]
    assert drain.groups == (GROUP, ALONE, FINAL)
    assert [shown[0].phase, shown[-1].phase] == ["start", "done"]
    assert shown[-1].unseen == 0


def test_a_run_can_be_as_long_as_its_faults_are_many() -> None:
    struck: list[str] = []
    with Broker() as broker:
        plan = Plan(seconds=600.0, strikes=3, calm_s=(0.01, 0.1), transactors=0)
        run = Run(
            Settings(bootstrap=broker.bootstrap),
            plan,
            Recorder(),
            [Fault("nudge", lambda: struck.append("."))],
        )
        outcome = run.record()
    assert outcome.faults == {"nudge": 3}
    assert struck == [".", ".", "."]
