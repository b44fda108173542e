"""Run the bodies of `tests/integration/clients` against a broker that already runs, whichever it is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from compat.brokers import REPOSITORY
from compat.junit import read_cases
from compat.results import SuiteResult

SETTINGS: dict[str, str] = {}


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the bodies; `select` is a pytest `-k` expression or None for all."""
    report = out / "clients.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "60"]
    command += ["--timeout-method=signal", f"--junit-xml={report}", "tests/integration/clients"]
    if select:
        command += ["-k", select]
    environment = os.environ | {"NEURAXIS_TEST_BOOTSTRAP": bootstrap}
    began = time.monotonic()
    with (out / "clients.log").open("wb") as log:
        subprocess.run(
            command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log, timeout=900, check=False
        )
    result = SuiteResult("clients", target, "this repository", read_cases(report), time.monotonic() - began)
    if not result.cases:
        result.note = f"no report: see {out / 'clients.log'}"
    return result
