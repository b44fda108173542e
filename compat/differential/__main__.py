"""Record Apache Kafka's answers for the test that needs no JVM: `python -m compat.differential record` (some 10 minutes).

Two fresh nodes are asked everything that there is a scenario for; what they do not agree on is asked of a third one that
is given more time, and what stays different is marked as unstable.
"""

from __future__ import annotations

import argparse
from typing import Any

from compat.differential import golden, scenarios
from compat.differential.cases import Case
from compat.differential.oracle import Oracle
from compat.differential.suite import LONG_SETTLE_S, SETTLE_S, play


def _ask(cases: list[Case], settle_s: float) -> dict[str, Any]:
    """The answers of one fresh node."""
    with Oracle() as kafka:
        scenarios.advertised_by(kafka.bootstrap)  # so that it has the same subscription as ours
        answers, _ = play(
            kafka.bootstrap, cases, settle_s=settle_s, progress=lambda number: print(number, flush=True)
        )
    return answers


def record(select: list[str] | None) -> None:
    """Ask, compare, keep; with `select`, only the cases whose name has one of its texts, the others stay as they are."""
    with Oracle() as kafka:
        advertised = scenarios.advertised_by(kafka.bootstrap)
    everything = list(scenarios.all_cases(advertised))
    kept = golden.read() if select is not None else {}
    cases = [case for case in everything if select is None or any(each in case.full_name for each in select)]
    first, second = _ask(cases, SETTLE_S), _ask(cases, SETTLE_S)
    answers = golden.agreed(first, second)
    disputed = [case for case in cases if answers[case.full_name] == golden.UNSTABLE]
    if disputed:
        for name, answer in _ask(disputed, LONG_SETTLE_S).items():
            if answer in (first[name], second[name]):
                answers[name] = answer
    names = {case.full_name for case in everything}
    answers = {name: answer for name, answer in {**kept, **answers}.items() if name in names}
    golden.write(answers)
    unstable = [name for name, answer in answers.items() if answer == golden.UNSTABLE]
    print(f"{len(answers)} cases in {golden.PATH}, {golden.PATH.stat().st_size} bytes")
    print(f"{len(disputed)} disputed, {len(unstable)} unstable: {', '.join(unstable)}")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m compat.differential", description=__doc__)
    parser.add_argument("verb", choices=["record"])
    parser.add_argument(
        "--select", action="append", help="only the cases whose name has this, such as 'Fetch v18'"
    )
    record(parser.parse_args().select)


if __name__ == "__main__":
    main()
