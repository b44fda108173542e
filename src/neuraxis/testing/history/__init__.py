"""Judging what clients of a Kafka cluster were told: histories in, verdicts out. Pure: no clock, file or socket.

    history = History.of(from_lines(open("history.jsonl")))
    report = judge(history)
    assert not report.broken

The analyses follow those of Jepsen's Kafka workload. `neuraxis verify` records such histories against any cluster.
"""

from neuraxis.testing.history.checks import CHECKS
from neuraxis.testing.history.events import (
    Event,
    History,
    HistoryError,
    Log,
    Operation,
    Position,
    Record,
    from_lines,
    to_line,
)
from neuraxis.testing.history.report import Report, judge
from neuraxis.testing.history.verdict import Verdict

__all__ = [
    "CHECKS",
    "Event",
    "History",
    "HistoryError",
    "Log",
    "Operation",
    "Position",
    "Record",
    "Report",
    "Verdict",
    "from_lines",
    "judge",
    "to_line",
]
