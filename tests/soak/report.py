"""The report of a soak, as text for a terminal and as a page of the documentation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from neuraxis.testing.history.checks import CHECKS
from tests.soak.conductor import Result
from tests.soak.vitals import MIB

MUST_HOLD = {
    **{name: must for name, (_, must) in CHECKS.items()},
    "one-owner": "a partition has one owner at a time and one in each epoch; only owners commit; epochs never go back",
    "committed-forward": "what a group has committed never goes back, restarts included",
    "share-settled": "a record that was accepted or rejected, and acknowledged as such, never comes again",
    "share-held": "nobody is given a record that another member of the share group holds",
    "share-complete": "the share group is given every acknowledged record and nothing else, until each is settled",
    "compacted": "the newest acknowledged version of a key is there, versions stand in order, nothing comes back",
    "retained": "a log's start only moves forward; above it everything is whole; nothing is forgotten too early",
    "administration": "topics, partitions, configs, ACLs, users, quotas and groups are as was acknowledged",
    "no-surprise": "every answer is one that the client may be given",
    "memory": "memory and threads of the last life grow by less than 12 MiB (or 15 %) and 4 from its second third to its last",
    "descriptors": "from the second third of the last life to its last at most 24 more; those of clients go with them",
    "compaction": "compaction happens, and no log is given up",
    "broker-log": "no life leaves an error in the log, and the last stop is clean",
    "data-directory": "`neuraxis log check` finds no damage",
}


def commit() -> str:
    """The commit that is checked out, with a word if there are changes beside it."""
    shown = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], check=False, capture_output=True, text=True
    )
    return shown.stdout.strip() or "unknown"


def text(result: Result) -> str:
    """A few lines for a person in front of a terminal."""
    lines = [f"{result.took_s / 60:.1f} minutes, seed {result.plan.seed}, faults: {_told(result.faults)}"]
    lines += [f"  {count:9} {what}" for what, count in sorted(result.counts.items())]
    lines += [f"  {kind:20} {dict(counts)}" for kind, counts in result.history.outcomes.items()]
    for verdict in result.all:
        labels = (
            f"  ({', '.join(f'{name}: {count}' for name, count in verdict.labels)})" if verdict.labels else ""
        )
        lines.append(f"  {verdict.name:20} {verdict.state:8} {verdict.checked} {verdict.of}{labels}")
    lines += [f"WRONG: {sentence}" for sentence in result.wrong]
    lines.append("not clean" if result.wrong else "every promise was kept")
    return "\n".join(lines)


def _told(faults: object) -> str:
    assert isinstance(faults, dict)
    return ", ".join(f"{count} {name}" for name, count in sorted(faults.items()))


def page(result: Result) -> str:
    """The page of the documentation."""
    return "\n".join(_page(result)) + "\n"


def _page(result: Result) -> Iterator[str]:
    plan = result.plan
    clean = "**Clean: every promise was kept.**" if not result.wrong else "**Not clean.**"
    yield "# Soak"
    yield ""
    yield "<!-- Written by `make soak REPORT=docs/reference/soak.md`. Run it again, do not edit this page. -->"
    yield ""
    yield (
        "`make soak MINUTES=30` runs a real broker process under a mixed load, strikes it with SIGKILL, SIGSTOP and "
        "resets of its connections, and judges what every client was told. The policy of durability changes with each kill."
    )
    yield ""
    yield (
        f"{clean} {result.took_s / 60:.1f} minutes (of which load: {plan.seconds / 60:.1f}), seed {plan.seed}, commit "
        f"`{commit()}`, Python {sys.version.split()[0]}."
    )
    yield from [""] + [f"- {sentence}" for sentence in result.wrong] if result.wrong else []
    yield ""
    yield "## Faults"
    yield ""
    yield "| Fault | Times |"
    yield "|---|---:|"
    for name, count in sorted(result.faults.items()):
        yield f"| {name} | {count} |"
    restarts = sorted(result.restarts_s[1:])
    if restarts:
        yield ""
        middle = restarts[len(restarts) // 2]
        yield f"From a start to a port that answers: {middle:.2f} s (median), {restarts[-1]:.2f} s at most."
    yield ""
    yield "## Verdicts"
    yield ""
    yield "| Verdict | | Looked at | What must hold |"
    yield "|---|---|---:|---|"
    for verdict in result.all:
        yield f"| {verdict.name} | {verdict.state} | {verdict.checked:,} {verdict.of} | {MUST_HOLD[verdict.name]} |"
    labels = [(verdict.name, name, count) for verdict in result.all for name, count in verdict.labels]
    if labels:
        yield ""
        yield (
            "Counted, and allowed: "
            + "; ".join(f"{name} ({of}): {count}" for of, name, count in labels)
            + "."
        )
    yield from _load(result)
    yield from _process(result)


def _load(result: Result) -> Iterator[str]:
    yield ""
    yield "## Load"
    yield ""
    yield "| Operations in the history | ok | refused or aborted | outcome unknown |"
    yield "|---|---:|---:|---:|"
    for kind, counts in sorted(result.history.outcomes.items()):
        if kind not in ("fault", "heal", "drain"):
            yield f"| {kind} | {counts['ok']:,} | {counts['fail']:,} | {counts['unknown']:,} |"
    yield ""
    yield "| Beside it | |"
    yield "|---|---:|"
    for what, count in sorted(result.counts.items()):
        yield f"| {what} | {count:,} |"


def _process(result: Result) -> Iterator[str]:
    yield ""
    yield "## The broker's process"
    yield ""
    yield (
        f"It used {result.broker_cpu_s:.0f} s of processor time in {result.took_s:.0f} s. A life is the time between two "
        "starts."
    )
    yield ""
    yield "| At | Life | Its age | Memory | Threads | Sockets | Files |"
    yield "|---:|---:|---:|---:|---:|---:|---:|"
    step = max(1, len(result.samples) // 40)
    for sample in result.samples[::step]:
        yield (
            f"| {sample.at_s:.0f} s | {sample.life + 1} | {sample.age_s:.0f} s | {sample.rss / MIB:.1f} MiB | "
            f"{sample.threads} | {sample.sockets} | {sample.files} |"
        )
