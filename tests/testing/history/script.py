"""Histories by hand: a script of calls, each an operation that begins and ends at the next tick of a counter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neuraxis.testing.history import Event, History, Log, Position, Record, Report, judge

A = Log("drives", 0)
B = Log("drives", 1)

At = tuple[int, int | None]  # value, offset


class Script:
    """Events in the making. Without `log`, everything concerns A."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.now = 0
        self.number = 0

    def tick(self) -> int:
        self.now += 1_000_000
        return self.now

    def begin(self, kind: str, process: str, **fields: object) -> int:
        self.number += 1
        self._note(self.number, "invoke", kind, process, fields)
        return self.number

    def end(self, number: int, stage: str, kind: str, process: str, **fields: object) -> None:
        self._note(number, stage, kind, process, fields)

    def _note(self, number: int, stage: str, kind: str, process: str, fields: dict[str, object]) -> None:
        self.events.append(Event(number, stage, process, kind, self.tick(), **fields))  # type: ignore[arg-type]  # tests name fields freely

    def do(self, kind: str, process: str, stage: str = "ok", **fields: object) -> None:
        self.end(self.begin(kind, process), stage, kind, process, **fields)

    def send(self, value: int, offset: int | None, log: Log = A, by: str = "p", stage: str = "ok") -> None:
        self.do("send", by, stage, sends=(Record(log, value, offset),))

    def poll(self, *records: At, log: Log = A, by: str = "r", group: str = "g") -> None:
        self.do("poll", by, polls=tuple(Record(log, *record) for record in records), group=group)

    def txn(
        self,
        sends: Iterable[tuple[Log, int, int | None]] = (),
        polls: Iterable[tuple[Log, int, int | None]] = (),
        by: str = "t",
        stage: str = "ok",
    ) -> None:
        number = self.begin("txn", by)
        self.end(
            number, stage, "txn", by, sends=tuple(Record(*each) for each in sends),
            polls=tuple(Record(*each) for each in polls), ending_ns=self.tick(),
        )  # fmt: skip

    def assign(self, *positions: tuple[Log, int | None], by: str = "r") -> None:
        self.do("assign", by, positions=tuple(Position(*each) for each in positions))

    def commit(self, offset: int | None, stage: str = "ok", kind: str = "commit", log: Log = A) -> None:
        self.do(kind, "r", stage, positions=(Position(log, offset),), group="g")

    def drain(self, groups: Sequence[str] = ("g",), stage: str = "ok") -> None:
        self.do("drain", "runner", stage, groups=tuple(groups))

    @property
    def history(self) -> History:
        return History.of(self.events)

    def judge(self) -> Report:
        return judge(self.history)


def states(report: Report) -> dict[str, str]:
    return {verdict.name: verdict.state for verdict in report.verdicts}
