"""A verdict: what one check looked at and what it found. A check that had nothing to look at says unknown, not ok."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "fail", "unknown"]

SHOWN = 10
"""Findings kept in full: the first few show the bug, a million of them hide it. All are counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check.

    `checked` counts what was looked at (its unit is in `of`); `found` counts findings, `findings` are the first of them as
    sentences. `labels` count anomalies that Kafka's model allows. `reason` says why a state is unknown.
    """

    name: str
    state: State
    checked: int
    of: str
    found: int = 0
    findings: tuple[str, ...] = ()
    labels: tuple[tuple[str, int], ...] = ()
    reason: str | None = None


@dataclass(slots=True)
class Draft:
    """A verdict while its check runs."""

    name: str
    of: str
    checked: int = 0
    found: int = 0
    findings: list[str] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)

    def finding(self, sentence: str) -> None:
        """Something is broken."""
        self.found += 1
        if len(self.findings) < SHOWN:
            self.findings.append(sentence)

    def done(self, nothing: str, *, open_question: str | None = None) -> Verdict:
        """The verdict. `nothing` is the reason if nothing was checked; `open_question` makes an ok an unknown."""
        reason = nothing if not self.checked and not self.found else open_question
        state: State = "fail" if self.found else "unknown" if reason else "ok"
        return Verdict(
            name=self.name,
            state=state,
            checked=self.checked,
            of=self.of,
            found=self.found,
            findings=tuple(self.findings),
            labels=tuple(sorted(self.labels.items())),
            reason=None if self.found else reason,
        )
