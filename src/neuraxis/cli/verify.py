"""`neuraxis verify`: record what clients are told by a cluster, under faults if wished, and judge it."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from neuraxis.cli.output import plural, table
from neuraxis.cli.session import Session, connects

if TYPE_CHECKING:
    from neuraxis.testing.history import Report
    from neuraxis.testing.verify import Outcome, Status

HELP = """
Check that a cluster keeps its promises, also while it is being killed.

Clients send unique values, read them back alone, in a group and in transactions, and write down what they were
told. Ten checks then look for what must not be: lost, doubled, reordered, aborted or invented records, offsets that
contradict each other, readers that are stuck. It works on topics of its own, which it deletes afterwards.

\b
Examples:
  neuraxis verify                                        30 s against 127.0.0.1:9092
  neuraxis verify --bootstrap kafka.example:9092 --seconds 300
  neuraxis verify --faults reset                         connections are reset, through a proxy on this machine
  neuraxis verify --own-broker --faults kill,pause,reset a fresh broker of ours, killed and paused again and again
  neuraxis verify --history run.jsonl                    keep what was told, one JSON object a line
  neuraxis verify --replay run.jsonl                     judge a kept history again; no cluster needed

\b
A verdict is ok, fail, or unknown: nothing to judge it by (no transactions, say). A timeout is never a failure: what
nobody can know is counted as unknown. Exit code 1 if any verdict is fail.
"""


def _faults(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    from neuraxis.testing.verify import FAULTS

    names = tuple(name.strip() for name in value.split(",") if name.strip())
    unknown = sorted(set(names) - set(FAULTS))
    if unknown:
        raise click.BadParameter(
            f"{', '.join(unknown)}: choose from {', '.join(FAULTS)}, separated by commas"
        )
    return names


@click.command(help=HELP)
@connects
@click.option("--seconds", type=click.FloatRange(min=0.1), default=30.0, show_default=True,
              help="How long to load the cluster; reading everything back comes after.")  # fmt: skip
@click.option("--topics", type=click.IntRange(1, 100), default=2, show_default=True, help="Topics to use.")
@click.option("--partitions", type=click.IntRange(1, 100), default=2, show_default=True,
              help="Partitions of each.")  # fmt: skip
@click.option("--faults", callback=_faults, default="", metavar="kill,pause,reset",
              help="Strike at random: SIGKILL, SIGSTOP (both need --own-broker), connection resets.")  # fmt: skip
@click.option("--own-broker", is_flag=True, help="Start a broker for this, on a free port, and strike that.")
@click.option("--durability", type=click.Choice(["sync", "interval", "os"]), default="sync", show_default=True,
              help="Of the broker that --own-broker starts.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Of the order and length of the faults.")
@click.option("--history", type=click.Path(dir_okay=False, path_type=Path), help="Write the history here.")
@click.option("--replay", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Judge this history instead of recording one.")  # fmt: skip
@click.option("--keep-topics", is_flag=True, help="Leave the topics for looking at.")
def command(
    session: Session,
    seconds: float,
    topics: int,
    partitions: int,
    faults: tuple[str, ...],
    own_broker: bool,
    durability: str,
    seed: int,
    history: Path | None,
    replay: Path | None,
    keep_topics: bool,
) -> None:
    """Record or read a history, judge it, print the verdicts."""
    from neuraxis.testing.verify import Plan, Verification

    if replay is not None:
        report, outcome = _replay(replay), None
    else:
        verification = Verification(
            settings=session.settings,
            plan=Plan(seconds=seconds, topics=topics, partitions=partitions, seed=seed),
            faults=faults,
            own_broker=own_broker,
            durability=durability,
            keep_topics=keep_topics,
        )
        # A broker of our own must not outlive us: SIGTERM leaves through the same doors as Ctrl-C.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with _sink(history) as sink, _progress(seconds, session) as progress:
            report, outcome = verification.run(sink, progress)
    shown = report.as_json()
    if outcome is not None:
        shown |= {
            "topics": list(outcome.topics),
            "no_transactions": outcome.transactions,
            "faults": dict(outcome.faults),
            "problems": outcome.problems,
        }
    session.show(shown, _text(report, outcome, history))
    if report.broken:
        sys.exit(1)


def _replay(path: Path) -> Report:
    from neuraxis.client import ClientError
    from neuraxis.testing.history import History, HistoryError, from_lines, judge

    try:
        with path.open(encoding="utf-8") as lines:
            return judge(History.of(from_lines(lines)))
    except (HistoryError, UnicodeDecodeError) as error:
        raise ClientError(
            f"{path} is not a history: {error}", "record one with `neuraxis verify --history FILE`"
        ) from error


@contextlib.contextmanager
def _sink(path: Path | None) -> Iterator[TextIO | None]:
    from neuraxis.client import ClientError

    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise ClientError(
            f"cannot write the history to {path}: {error.strerror}", "choose another file for --history"
        ) from error
    with file:
        yield file


@contextlib.contextmanager
def _progress(seconds: float, session: Session) -> Iterator[Callable[[Status], None]]:
    """One line on stderr that is written over, if that is a terminal."""
    if session.json or not sys.stderr.isatty():
        yield lambda _: None
        return

    def show(status: Status) -> None:
        line = (
            f"{status.phase:5}  {status.elapsed_s:4.0f} s (of {seconds:.0f} s, then reading back)  "
            f"{status.sent:,} sent  {status.acknowledged:,} acknowledged  {status.unseen:,} to be read"
        )
        click.echo(f"\r\033[K{line}{'  ' + status.fault if status.fault else ''}", nl=False, err=True)

    try:
        yield show
    finally:
        click.echo("\r\033[K", nl=False, err=True)


def _text(report: Report, outcome: Outcome | None, history: Path | None) -> str:
    from neuraxis.testing.history import CHECKS

    rows = [
        (verdict.name, verdict.state, verdict.checked, verdict.found, CHECKS[verdict.name][1])
        for verdict in report.verdicts
    ]
    lines = [table(("verdict", "state", "checked", "found", "what must hold"), rows), ""]
    for verdict in report.verdicts:
        lines += [f"{verdict.name}: {finding}" for finding in verdict.findings]
        if verdict.found > len(verdict.findings):
            lines.append(f"{verdict.name}: and {verdict.found - len(verdict.findings):,} more")
        if verdict.reason is not None:
            lines.append(f"{verdict.name} is unknown: {verdict.reason}")
        lines += [
            f"{verdict.name}: {label} {count:,} times, which Kafka allows" for label, count in verdict.labels
        ]
    lines += _circumstances(report, outcome)
    if report.broken:
        lines.append(
            f"{plural(len(report.broken), 'promise')} broken: {', '.join(v.name for v in report.broken)}."
        )
        if history is not None:
            lines.append(f"Look closer: the operations above are in {history}, by number.")
        elif outcome is not None:
            lines.append("Keep the next history to look closer: --history FILE")
    else:
        lines.append("Every promise that could be checked was kept.")
    return "\n".join(lines)


def _circumstances(report: Report, outcome: Outcome | None) -> list[str]:
    """What was recorded, and under which faults."""
    counted = [
        f"{kind} {counts['ok']:,} ok / {counts['fail']:,} failed / {counts['unknown']:,} unknown"
        for kind, counts in report.outcomes.items()
        if kind in ("send", "poll", "txn", "commit")
    ]
    lines = [f"operations: {'; '.join(counted) or 'none'}"]
    if outcome is not None and outcome.faults:
        lines.append(
            "faults: " + ", ".join(f"{name} {count}" for name, count in sorted(outcome.faults.items()))
        )
    if outcome is not None and outcome.transactions is not None:
        lines.append(f"no transactions were verified: {outcome.transactions}")
    return lines
