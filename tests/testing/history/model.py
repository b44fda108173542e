"""A log that is right by construction, with transactions, lost answers and readers: the source of innocent histories.

The rule of the file: a record becomes readable exactly when its transaction has ended and no older one of its log is
open, as the last stable offset demands; an answer may get lost, the deed does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from hypothesis import strategies as some

from neuraxis.testing.history import History, Log, Position, Record
from tests.testing.history.script import Script

LOGS = (Log("m", 0), Log("m", 1))
ACTIONS = some.tuples(some.integers(0, 100), some.integers(0, 96), some.integers(0, 88))


@dataclass
class Cell:
    value: int | None  # None: a transaction's marker
    state: str  # open, committed, aborted


@dataclass
class Transaction:
    number: int
    cells: list[Cell] = field(default_factory=list)
    sends: list[Record] = field(default_factory=list)
    polls: list[Record] = field(default_factory=list)


class Model:
    """Three transactional processes, two producers, two readers that share a group's commits, one that is on its own."""

    def __init__(self) -> None:
        self.script = Script()
        self.logs: dict[Log, list[Cell]] = {log: [] for log in LOGS}
        self.values = count(1)
        self.open: dict[str, Transaction] = {}
        self.at: dict[str, dict[Log, int]] = {}
        self.kept: dict[Log, int] = dict.fromkeys(LOGS, 0)

    @property
    def history(self) -> History:
        return self.script.history

    def act(self, what: int, who: int, how: int) -> None:
        log = LOGS[how % 2]
        match what % 7:
            case 0:
                self.send(f"p{who % 2}", log, ("ok", "unknown", "ok", "fail")[how // 2 % 4])
            case 1 | 2:
                self.step(f"t{who % 3}", log, how)
            case 3:
                self.end(f"t{who % 3}", ("ok", "unknown", "fail", "unknown-fail", "ok")[how % 5])
            case 4:
                self.poll(f"r{who % 3}", how)
            case 5:
                self.commit(f"r{who % 2}", lost=how % 3 == 0)
            case 6:
                self.assign(f"r{who % 2}")

    def append(self, log: Log, state: str, value: int | None = None) -> tuple[Cell, Record]:
        cell = Cell(next(self.values) if value is None else value, state)
        self.logs[log].append(cell)
        return cell, Record(log, cell.value or 0, len(self.logs[log]) - 1)

    def send(self, process: str, log: Log, stage: str) -> None:
        planned = Record(log, next(self.values))
        number = self.script.begin("send", process, sends=(planned,))
        if stage != "fail":
            _, planned = self.append(log, "committed", planned.value)
        told = planned if stage == "ok" else planned._replace(offset=None)
        self.script.end(number, stage, "send", process, sends=(told,))

    def step(self, process: str, log: Log, how: int) -> None:
        transaction = self.open.get(process)
        if transaction is None:
            transaction = self.open[process] = Transaction(self.script.begin("txn", process))
        if how % 3:
            cell, record = self.append(log, "open")
            transaction.cells.append(cell)
            transaction.sends.append(record)
        else:
            transaction.polls += self.read(process, 3)

    def end(self, process: str, how: str) -> None:
        transaction = self.open.pop(process, None)
        if transaction is None:
            return
        ending_ns = self.script.tick()
        for cell in transaction.cells:
            cell.state = "aborted" if "fail" in how else "committed"
        for log in {record.log for record in transaction.sends}:
            self.logs[log].append(Cell(None, "aborted"))
        self.script.end(
            transaction.number, how.removesuffix("-fail"), "txn", process, sends=tuple(transaction.sends),
            polls=tuple(transaction.polls), ending_ns=ending_ns,
        )  # fmt: skip

    def read(self, process: str, most: int) -> list[Record]:
        """The next readable records, up to the last stable offset of each log."""
        found = []
        places = self.at.setdefault(process, dict.fromkeys(LOGS, 0))
        for log, cells in self.logs.items():
            while places[log] < len(cells) and len(found) < most and cells[places[log]].state != "open":
                cell, offset = cells[places[log]], places[log]
                places[log] += 1
                if cell.state == "committed" and cell.value is not None:
                    found.append(Record(log, cell.value, offset))
        return found

    def poll(self, process: str, most: int) -> None:
        number = self.script.begin("poll", process, group=self.group(process))
        self.script.end(
            number, "ok", "poll", process, polls=tuple(self.read(process, most)), group=self.group(process)
        )

    def group(self, process: str) -> str:
        return "alone" if process == "r2" else "shared"

    def commit(self, process: str, lost: bool) -> None:
        """One member at a time has the group's logs here, so its place may be behind what is kept: then it says nothing."""
        places = self.at.get(process, {})
        told = {log: offset for log, offset in places.items() if offset >= self.kept[log]}
        self.kept.update(told)
        positions = tuple(Position(*each) for each in told.items())
        self.script.do("commit", process, "unknown" if lost else "ok", positions=positions, group="shared")
        kept = tuple(Position(*each) for each in self.kept.items())
        self.script.do("committed", process, positions=kept, group="shared")

    def assign(self, process: str) -> None:
        self.at[process] = dict(self.kept)
        self.script.do("assign", process, positions=tuple(Position(*each) for each in self.kept.items()))

    def finish(self) -> None:
        for process in sorted(self.open):
            self.end(process, "fail")
        self.script.drain(["shared", "alone"])
        for process in ("r0", "r2"):
            if process == "r0":
                self.at[process] = dict.fromkeys(LOGS, 0)
                self.script.do("assign", process, positions=tuple(Position(log, 0) for log in LOGS))
            for _ in range(2):
                self.poll(process, 10**9)
