"""A broker process that is killed with SIGKILL again and again under load, judged by the history checker that ships.

The load is that of `neuraxis verify`: idempotent senders, members of a group that commit, readers that assign themselves
everything, and transactions that read, write and commit offsets, some of them aborted on purpose. The rule of the file: it
judges nothing itself but what no client can see, how long a restart takes and whether the last stop was clean.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neuraxis.client import Settings
from neuraxis.testing.history import History, Report, judge
from neuraxis.testing.verify import OwnBroker, OwnBrokerFailed, Plan, Recorder, Run, Status, kill

# The narrowest spans in which a restarted broker still gets work done: a kill hits recovery, the first requests after it,
# group commits under load, and transactions in every state.
CALM_S = (0.15, 1.2)


@dataclass(frozen=True)
class Crashed:
    """What became of a run: the ten verdicts, what was broken as sentences, and the times of all starts in seconds."""

    rounds: int
    report: Report
    restarts_s: tuple[float, ...]
    wrong: tuple[str, ...]

    def ok(self, kind: str) -> int:
        """How many operations of this kind were acknowledged."""
        return self.report.outcomes.get(kind, {}).get("ok", 0)


def sentences(report: Report) -> list[str]:
    """What the verdicts found, and those that had nothing to look at: in this load each of the ten has."""
    wrong = [f"{verdict.name}: {finding}" for verdict in report.broken for finding in verdict.findings]
    wrong += [
        f"{verdict.name} is unknown: {verdict.reason}"
        for verdict in report.verdicts
        if verdict.state == "unknown"
    ]
    return wrong


def run(
    directory: Path,
    rounds: int,
    durability: str,
    seed: int,
    progress: Callable[[Status], None] = lambda _: None,
) -> Crashed:
    """Kill and restart `rounds` times under load; then read everything back and judge.

    The history is kept in `directory/history.jsonl` for `neuraxis verify --replay`, the broker's log beside it.
    """
    broker = OwnBroker(directory, durability)
    # The last reader begins at the beginning, so it needs longer the longer the run was.
    plan = Plan(strikes=rounds, calm_s=CALM_S, seed=seed, sends_per_s=400, transactors=4, drain_s=60 + rounds)
    wrong: list[str] = []
    with (directory / "history.jsonl").open("w", encoding="utf-8") as sink:
        recorder = Recorder(sink)
        broker.start()
        try:
            outcome = Run(
                Settings(bootstrap=broker.bootstrap), plan, recorder, [kill(broker)], progress
            ).record(keep_topics=True)
            code = broker.stop()
        except BaseException as error:
            print(broker.log_tail(), file=sys.stderr)
            broker.kill()
            if isinstance(error, OwnBrokerFailed):
                error.add_note(f"after {len(broker.restarts_s) - 1} kills; the data are in {directory}")
            raise
    if code != 0:
        wrong.append(f"the last clean stop ended with {code}")
    if outcome.transactions is not None:
        wrong.append(f"no transactions: {outcome.transactions}")
    report = judge(History.of(recorder.events))
    return Crashed(outcome.faults.total(), report, tuple(broker.restarts_s), (*wrong, *sentences(report)))
