"""What clients did and what they were told, as values: events, the operations they pair up to, and JSON lines.

An operation is invoked once and completes at most once: `ok` (it happened), `fail` (it certainly did not) or `unknown`
(nobody can say: a timeout, a lost answer, a client that died). The rule of the file: a doubt is `unknown`, never `fail`,
because a failed write that is read is a bug, and an unknown one that is read is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

Stage = Literal["invoke", "ok", "fail", "unknown"]
Kind = Literal["send", "poll", "txn", "assign", "commit", "committed", "drain", "fault", "heal"]

STAGES: tuple[str, ...] = get_args(Stage)
KINDS: tuple[str, ...] = get_args(Kind)


class Log(NamedTuple):
    """One partition of one topic: what Kafka keeps in order."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class Record(NamedTuple):
    """A value in a log. Values are integers, unique within their log; `offset` is None while nobody knows it."""

    log: Log
    value: int
    offset: int | None = None


class Position(NamedTuple):
    """An offset in a log: where a reader starts, or what a group committed. None when it is not known."""

    log: Log
    offset: int | None


class HistoryError(ValueError):
    """A history that cannot be judged: a broken line, or events that do not pair up. Says where and what to do."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a history.

    `operation` numbers are shared by an invocation and its completion. `process` is one client in one life: its polls
    follow each other, its sends may overlap. `group` names readers that share the work, so that together they must
    read everything. `ending_ns` is when a transaction asked to be committed. Times are monotonic, in nanoseconds.

    send, txn: `sends` as planned, then with the offsets that were told. poll, txn: `polls` in the order of delivery, all
    of them read_committed. assign: the logs a reader now has, and the end of its earlier positions. commit: what a group
    asked to keep; committed: what it was told is kept. drain: faults are healed and everything must be read from here on,
    by each of `groups`; `ok` says that the cluster answered until the end of it. fault, heal: `error` names it.
    """

    operation: int
    stage: Stage
    process: str
    kind: Kind
    time_ns: int
    sends: tuple[Record, ...] = ()
    polls: tuple[Record, ...] = ()
    positions: tuple[Position, ...] = ()
    group: str | None = None
    groups: tuple[str, ...] = ()
    ending_ns: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An invocation with its completion; `completed_ns` is None if there was none (then the outcome is unknown)."""

    number: int
    process: str
    kind: Kind
    outcome: Literal["ok", "fail", "unknown"]
    invoked_ns: int
    completed_ns: int | None
    sends: tuple[Record, ...] = ()
    polls: tuple[Record, ...] = ()
    positions: tuple[Position, ...] = ()
    group: str | None = None
    groups: tuple[str, ...] = ()
    ending_ns: int | None = None
    error: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.number} of {self.process}"


@dataclass(frozen=True)
class History:
    """Operations in the order of their invocation."""

    operations: tuple[Operation, ...]

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        """Pair invocations with completions; what never completed is unknown. Raises HistoryError."""
        opened: dict[int, Event] = {}
        closed: dict[int, Event] = {}
        for event in events:
            number = event.operation
            if event.stage == "invoke":
                if number in opened:
                    raise HistoryError(f"operation {number} is invoked twice; give each its own number")
                opened[number] = event
                continue
            invocation = opened.get(number)
            if invocation is None or number in closed:
                told = "twice" if number in closed else "without an invocation before it"
                raise HistoryError(f"operation {number} completes {told}; record invoke, then one completion")
            if (invocation.process, invocation.kind) != (event.process, event.kind):
                raise HistoryError(f"operation {number} completes as another process or kind than it began")
            closed[number] = event
        return cls(tuple(_operation(opened[number], closed.get(number)) for number in opened))

    def outcomes(self) -> dict[str, dict[str, int]]:
        """How many operations of each kind ended ok, failed, and are unknown."""
        counts: dict[str, dict[str, int]] = {}
        for operation in self.operations:
            row = counts.setdefault(operation.kind, {"ok": 0, "fail": 0, "unknown": 0})
            row[operation.outcome] += 1
        return counts


def _operation(invocation: Event, completion: Event | None) -> Operation:
    last = completion or invocation
    stage = last.stage
    return Operation(
        number=invocation.operation,
        process=invocation.process,
        kind=invocation.kind,
        outcome="unknown" if stage == "invoke" else stage,
        invoked_ns=invocation.time_ns,
        completed_ns=None if completion is None else completion.time_ns,
        sends=last.sends or invocation.sends,
        polls=last.polls,
        positions=last.positions or invocation.positions,
        group=last.group or invocation.group,
        groups=last.groups or invocation.groups,
        ending_ns=last.ending_ns,
        error=last.error,
    )


# ---------------------------------------------------------------------------------------------------------------------
# JSON lines: one event a line; what is empty is left out.


def to_line(event: Event) -> str:
    """The event as one line of JSON, without the line's end."""
    shown: dict[str, object] = {
        "operation": event.operation,
        "stage": event.stage,
        "process": event.process,
        "kind": event.kind,
        "time_ns": event.time_ns,
    }
    for name in ("sends", "polls"):
        records: tuple[Record, ...] = getattr(event, name)
        if records:
            shown[name] = [[*record.log, record.value, record.offset] for record in records]
    if event.positions:
        shown["positions"] = [[*position.log, position.offset] for position in event.positions]
    for name in ("group", "groups", "ending_ns", "error"):
        value = getattr(event, name)
        if value not in (None, ()):
            shown[name] = value
    return json.dumps(shown, separators=(",", ":"), ensure_ascii=False)


@dataclass
class _Reader:
    """Takes lines apart; knows which line it is at, for the error."""

    number: int = 0
    logs: dict[tuple[str, int], Log] = field(default_factory=dict)

    def log(self, topic: str, partition: int) -> Log:
        # One object for each log: a history has millions of records in a handful of logs.
        return self.logs.setdefault((topic, partition), Log(str(topic), int(partition)))

    def event(self, line: str) -> Event:
        found: dict[str, Any] = json.loads(line)  # Any: decoded JSON, checked below by what is built from it
        if found["stage"] not in STAGES or found["kind"] not in KINDS:
            raise ValueError(f"stage {found['stage']!r} or kind {found['kind']!r} is not known")
        return Event(
            operation=int(found["operation"]),
            stage=found["stage"],
            process=str(found["process"]),
            kind=found["kind"],
            time_ns=int(found["time_ns"]),
            sends=tuple(Record(self.log(t, p), value, at) for t, p, value, at in found.get("sends", ())),
            polls=tuple(Record(self.log(t, p), value, at) for t, p, value, at in found.get("polls", ())),
            positions=tuple(Position(self.log(t, p), at) for t, p, at in found.get("positions", ())),
            group=found.get("group"),
            groups=tuple(found.get("groups", ())),
            ending_ns=found.get("ending_ns"),
            error=found.get("error"),
        )


def from_lines(lines: Iterable[str]) -> Iterator[Event]:
    """The events of JSON lines; empty lines are passed over. Raises HistoryError with the number of the line."""
    reader = _Reader()
    for line in lines:
        reader.number += 1
        if not line.strip():
            continue
        try:
            yield reader.event(line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise HistoryError(
                f"line {reader.number} is not an event ({type(error).__name__}: {error}); "
                "write histories with neuraxis.testing.history.to_line"
            ) from error
