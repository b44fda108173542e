"""The report: ten verdicts and the counts of what was recorded, for people and as JSON of a stable shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from neuraxis.testing.history.checks import CHECKS
from neuraxis.testing.history.events import History
from neuraxis.testing.history.facts import Facts
from neuraxis.testing.history.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """All verdicts on one history. `outcomes` counts operations: kind -> ok, fail, unknown."""

    verdicts: tuple[Verdict, ...]
    outcomes: Mapping[str, Mapping[str, int]]

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """The verdicts that found something."""
        return tuple(verdict for verdict in self.verdicts if verdict.state == "fail")

    def __getitem__(self, name: str) -> Verdict:
        return next(verdict for verdict in self.verdicts if verdict.name == name)

    def as_json(self) -> dict[str, object]:
        """The report as plain values."""
        return {
            "broken": [verdict.name for verdict in self.broken],
            "verdicts": [
                {"must_hold": CHECKS[verdict.name][1], **asdict(verdict), "labels": dict(verdict.labels)}
                for verdict in self.verdicts
            ],
            "operations": {kind: dict(counts) for kind, counts in self.outcomes.items()},
        }


def judge(history: History) -> Report:
    """Run every check on the history."""
    facts = Facts(history)
    return Report(tuple(check(facts) for check, _ in CHECKS.values()), history.outcomes())
