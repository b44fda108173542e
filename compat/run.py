"""Run a compatibility suite against a target: `python -m compat.run --suite kgo --target neuraxis`.

Writes `out/compat/<suite>-<target>.json`, prints what was missed, and exits 1 when a test of the suite's
`tests.allow` did not pass. `--baseline` keeps the result beside the suite as the ceiling to compare with.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from compat import matrix
from compat.brokers import REPOSITORY, SUITE_SETTINGS, BrokerFailed, start_target
from compat.results import SuiteResult, read_allow_list, version_of

HERE = Path(__file__).resolve().parent
# Every directory beside this file that has a suite.py is one.
SUITES = tuple(sorted(path.parent.name for path in HERE.glob("*/suite.py")))


def baseline_path(suite: str) -> Path:
    """Return where the result of this suite on Apache Kafka is kept."""
    return HERE / suite / "baseline-kafka.json"


def run_suite(suite: str, target: str, durability: str | None, select: str | None, out: Path) -> SuiteResult:
    """Start the target with the settings of the suite, run the suite, stop the target; its log is kept in `out`.

    `durability` is Neuraxis's; None takes what the suite asks for, else `os`: what Apache Kafka promises.
    """
    module = importlib.import_module(f"compat.{suite}.suite")
    policy = durability or str(getattr(module, "DURABILITY", "os"))
    settings = dict(SUITE_SETTINGS) | module.SETTINGS
    out.mkdir(parents=True, exist_ok=True)
    broker = start_target(target, settings, durability=policy)
    if hasattr(module, "prepare"):  # a suite that decides more of the broker than its settings
        module.prepare(broker)
    try:
        with broker:
            result: SuiteResult
            if hasattr(module, "run_on"):  # a suite that kills the broker, too
                result = module.run_on(broker, target, select, out)
            else:
                result = module.run(broker.bootstrap, target, select, out)
            if not broker.running:
                result.note = f"the broker died; {result.note}"
            result.target_version = version_of(target)
            result.durability = policy if target == "neuraxis" else ""
            (out / "broker.log").write_bytes(broker.log_path.read_bytes())
    except BrokerFailed as error:
        sys.exit(str(error))
    return result


def report(result: SuiteResult, allowed: list[str]) -> bool:
    """Print what matters about the result; return whether it passes."""
    counts = {outcome: len(result.named(outcome)) for outcome in ("passed", "failed", "skipped")}
    summary = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    print(f"{result.suite} {result.suite_version} on {result.target}: {summary}, {result.seconds:.0f} s")
    if result.note:
        print(f"  note: {result.note}")
    for case in result.cases:
        if case.outcome == "failed":
            print(f"  failed: {case.name}  {case.message.splitlines()[0] if case.message else ''}")
    beyond = sorted(set(result.named("passed")) - set(allowed))
    if beyond:
        print(f"  passes but is not on the allow list: {', '.join(beyond)}")
    baseline = baseline_path(result.suite)
    if baseline.exists() and result.target != "kafka":
        cases = json.loads(baseline.read_text())["cases"]
        ceiling = {case["name"] for case in cases if case["outcome"] == "passed"}
        behind = sorted(ceiling - set(result.named("passed")))
        print(
            f"  Apache Kafka passes {len(ceiling)}; of those not passed here: {', '.join(behind) or 'none'}"
        )
    missed = result.missed(allowed)
    if missed:
        print(f"  MISSED, although on the allow list: {', '.join(missed)}")
    return not missed


def main() -> None:
    """Entry point of `python -m compat.run`."""
    parser = argparse.ArgumentParser(prog="python -m compat.run", description=__doc__)
    parser.add_argument("--suite", choices=[*SUITES, "all"], default="all")
    parser.add_argument("--target", choices=["neuraxis", "kafka"], default="neuraxis")
    parser.add_argument(
        "--durability",
        choices=["os", "sync", "interval"],
        help="neuraxis only; default: the suite's, else os",
    )
    parser.add_argument("--select", help="a pytest -k expression, or a Go test pattern for kgo")
    parser.add_argument("--baseline", action="store_true", help="keep the result as the suite's baseline")
    parser.add_argument(
        "--keep", action="store_true", help="keep the result, write docs/reference/clients.md"
    )
    arguments = parser.parse_args()
    if arguments.keep and arguments.select:
        parser.error("--keep is for whole runs: leave --select out")
    good = True
    for suite in SUITES if arguments.suite == "all" else [arguments.suite]:
        out = REPOSITORY / "out" / "compat" / f"{suite}-{arguments.target}"
        result = run_suite(suite, arguments.target, arguments.durability, arguments.select, out)
        allowed = [] if arguments.select else read_allow_list(HERE / suite / "tests.allow")
        result.write(out.with_suffix(".json"), allowed)
        if arguments.baseline:
            result.write(baseline_path(suite), allowed)
        if arguments.keep:
            matrix.keep(result, allowed)
            matrix.write_page()
        good = report(result, allowed) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
