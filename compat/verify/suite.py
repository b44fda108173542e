"""Record histories of this broker, quiet and while it is killed, paused and cut off, and judge them: ten verdicts each.

The rule of the file: a verdict that had nothing to look at is a skip, never a pass. Apache Kafka is struck less often, because
it takes ten seconds and more to come back from SIGKILL: its old registration must expire first.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from compat.brokers import BrokerProcess
from compat.results import Case, SuiteResult
from neuraxis.client import Settings
from neuraxis.testing.history import History, Report, judge
from neuraxis.testing.verify import Fault, Plan, Proxy, Recorder, Run, reset

DURABILITY = "sync"  # the default of `neuraxis up` and of `neuraxis verify --own-broker`
SETTINGS: dict[str, str] = {}
# Times are those of the faults of `neuraxis verify`; SIGSTOP stays below a member's session timeout.
PAUSE_S = (0.2, 2.0)
CALM_S = {"neuraxis": (0.3, 1.5), "kafka": (3.0, 6.0)}
STRIKES = {"neuraxis": 12, "kafka": 5}
QUIET_S = 10.0
OUTCOMES = {"ok": "passed", "fail": "failed", "unknown": "skipped"}
Faults = Callable[[BrokerProcess, Proxy], list[Fault]]


def _kill(broker: BrokerProcess) -> Fault:
    return Fault("kill", broker.kill, broker.start, 0.0, 0.5)


def _pause(broker: BrokerProcess) -> Fault:
    return Fault("pause", broker.pause, broker.resume, *PAUSE_S)


def _reset(proxy: Proxy) -> Fault:
    return reset(proxy, random.Random(1))


RUNS: dict[str, Faults] = {
    "quiet": lambda broker, proxy: [],
    "kill": lambda broker, proxy: [_kill(broker)],
    "pause": lambda broker, proxy: [_pause(broker)],
    "reset": lambda broker, proxy: [_reset(proxy)],
    "all": lambda broker, proxy: [_kill(broker), _pause(broker), _reset(proxy)],
}


def cases_of(name: str, report: Report, seconds: float) -> list[Case]:
    """Return one case for each verdict of a run."""
    return [
        Case(
            f"{name}/{verdict.name}",
            OUTCOMES[verdict.state],
            seconds,
            "; ".join(verdict.findings[:3]) or verdict.reason or "",
        )
        for verdict in report.verdicts
    ]


def run_on(broker: BrokerProcess, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run each kind of fault, or those whose name contains `select`; histories stay in `out` for `neuraxis verify --replay`."""
    result = SuiteResult("verify", target, f"neuraxis {metadata.version('neuraxis')}")
    began = time.monotonic()
    notes = []
    for name, faults in RUNS.items():
        if select and select not in name:
            continue
        started = time.monotonic()
        proxy = Proxy()
        try:
            struck = faults(broker, proxy)
            bootstrap = proxy.bootstrap(broker.bootstrap)
            plan = Plan(
                seconds=QUIET_S, strikes=STRIKES[target] * bool(struck), calm_s=CALM_S[target], drain_s=120.0
            )
            with (out / f"{name}.jsonl").open("w", encoding="utf-8") as sink:
                recorder = Recorder(sink)
                outcome = Run(Settings(bootstrap=bootstrap), plan, recorder, struck).record()
        finally:
            proxy.close()
        report = judge(History.of(recorder.events))
        result.cases += cases_of(name, report, time.monotonic() - started)
        told = ", ".join(f"{count} {fault}" for fault, count in sorted(outcome.faults.items())) or "no faults"
        acknowledged = report.outcomes["send"]["ok"]
        notes.append(
            f"{name}: {told}, {acknowledged} sends and {report.outcomes['txn']['ok']} transactions acknowledged"
        )
    result.seconds = time.monotonic() - began
    result.note = "; ".join(notes)
    return result
