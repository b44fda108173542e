"""The suite `differential`: plays every case, compares with Apache Kafka's answers, one result for each key and version."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from compat.differential import findings, golden, oracle, scenarios
from compat.differential.cases import Case, api_name
from compat.differential.families.common import world_steps
from compat.differential.runner import Player
from compat.results import Case as Result
from compat.results import SuiteResult

SETTINGS = oracle.SETTINGS  # the runner starts either broker with them
SETTLE_S = (
    0.05  # what Kafka's controller takes to tell its broker; where it takes longer, a third run decides
)
LONG_SETTLE_S = 0.5


def play(
    bootstrap: str,
    cases: Iterable[Case],
    *,
    settle_s: float = 0.0,
    timeout_s: float | Callable[[Case], float] = 1.5,
    progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], Player]:
    """The answers by the full name of the case, from a fresh broker; timeout_s may depend on the case."""
    player = Player(bootstrap, settle_s=settle_s)
    player.prepare(world_steps())
    answers = {}
    for number, case in enumerate(cases):
        answers[case.full_name] = player.play(case, timeout_s(case) if callable(timeout_s) else timeout_s)
        if progress is not None and number % 500 == 0:
            progress(number)
    return answers, player


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Play everything that the broker advertises against it and compare with a fresh Apache Kafka, or, when the target
    is Apache Kafka itself, with the answers that are kept of it."""
    started = time.monotonic()
    advertised = scenarios.advertised_by(bootstrap)
    if target == "kafka":
        cases = _selected(scenarios.all_cases(advertised), select)
        ours, player = play(bootstrap, cases, settle_s=SETTLE_S)
        kafka = golden.read()
    else:
        with oracle.Oracle() as node:
            both = scenarios.common(advertised, scenarios.advertised_by(node.bootstrap))
            cases = _selected(scenarios.all_cases(both), select)
            kafka, _ = play(node.bootstrap, cases, settle_s=SETTLE_S)
        kept = golden.read()
        kafka = {
            name: golden.UNSTABLE if kept.get(name) == golden.UNSTABLE else each
            for name, each in kafka.items()
        }
        ours, player = play(bootstrap, cases)
    found = list(findings.compare(kafka, ours))
    unexplained, counts = findings.explain(found, findings.read())
    (out / "differences.txt").write_text("\n".join(map(str, found)) + "\n")
    (out / "unexplained.txt").write_text("\n".join(map(str, unexplained)) + "\n")
    result = SuiteResult("differential", target, "Apache Kafka 4.4.0", seconds=time.monotonic() - started)
    result.cases = _results(cases, unexplained, player)
    rows = sum(count > 0 for count in counts.values())
    result.note = (
        f"{len(cases)} cases, {sum(player.sent.values())} requests; {len(found)} fields differ, "
        f"{len(unexplained)} of them unexplained, the others by {rows} rows of FINDINGS.md; see {out}"
    )
    return result


def _selected(cases: Iterable[Case], select: str | None) -> list[Case]:
    return [case for case in cases if select is None or select in case.full_name]


def _results(cases: list[Case], unexplained: list[findings.Difference], player: Player) -> list[Result]:
    """One result for each key and version."""
    bad: dict[str, list[str]] = {}
    for difference in unexplained:
        bad.setdefault(" ".join(difference.case.split()[:2]), []).append(str(difference))
    results = []
    for key, version in dict.fromkeys((case.key, case.version) for case in cases):
        name = f"{api_name(key)} v{version}"
        said = bad.get(name, [])
        message = f"{len(said)} of {player.sent.get((key, version), 0)} requests: {said[0]}" if said else ""
        results.append(Result(name, "failed" if said else "passed", message=message))
    return results
