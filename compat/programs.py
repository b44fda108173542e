"""Run a client program of ours and read its report: one JSON line for each feature.

The rule of the file: a feature that a program does not report has failed. A program is called with a bootstrap string, a
word that makes its names unique, and an optional feature to run alone. It prints lines such as
`{"feature": "gzip", "outcome": "passed", "seconds": 0.1, "message": ""}`; an outcome is `passed`, `failed`, or `absent`
when the client does not have the feature (the message says so).
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from compat.brokers import BrokerFailed
from compat.features import FEATURES
from compat.results import Case, SuiteResult

OUTCOMES = {"passed": "passed", "failed": "failed", "absent": "skipped"}
TIMEOUT_S = (
    400  # a program gives each of its 18 features 60 s at most, and in good order all take 60 s together
)


def read_report(text: str, wanted: Sequence[str]) -> list[Case]:
    """Read the JSON lines of a program; lines of another kind are a client's chatter and skipped."""
    cases: dict[str, Case] = {}
    for line in text.splitlines():
        if not line.startswith('{"feature"'):
            continue
        report = json.loads(line)
        name, outcome = report["feature"], OUTCOMES[report["outcome"]]
        if name not in FEATURES or name in cases:
            cases[name] = Case(name, "failed", 0.0, "reported twice, or not in compat/features.py")
        else:
            cases[name] = Case(name, outcome, float(report["seconds"]), report["message"][:400])
    for name in wanted:
        cases.setdefault(name, Case(name, "failed", 0.0, "not reported: the program ended before it"))
    return list(cases.values())


def run_program(
    suite: str,
    version: str,
    command: Sequence[str],
    *,
    bootstrap: str,
    target: str,
    select: str | None,
    out: Path,
    environment: Mapping[str, str] | None = None,
) -> SuiteResult:
    """Run one client program against the broker at `bootstrap`; its chatter goes to `out/<suite>.log`."""
    arguments = [*command, bootstrap, f"{suite}-{os.getpid()}", *([select] if select else [])]
    began = time.monotonic()
    report = out / f"{suite}.jsonl"
    note = ""
    with report.open("wb") as lines, (out / f"{suite}.log").open("wb") as log:
        try:
            done = subprocess.run(
                arguments,
                env=os.environ | dict(environment or {}),
                stdout=lines,
                stderr=log,
                stdin=subprocess.DEVNULL,
                timeout=TIMEOUT_S,
                check=False,
            )
            if done.returncode != 0:
                note = f"exit code {done.returncode}: see {suite}.log"
        except subprocess.TimeoutExpired:
            note = f"stopped after {TIMEOUT_S} s"
    wanted = [select] if select else list(FEATURES)
    cases = read_report(report.read_text(errors="replace"), wanted)
    return SuiteResult(suite, target, version, cases, time.monotonic() - began, note)


def build(command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a step that installs or compiles a client; raise with the end of what it said when it fails."""
    done = subprocess.run(
        list(command),
        cwd=cwd,
        env=os.environ | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BrokerFailed(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
