"""The outcome of one suite on one target: cases, the allow list, the verdict, JSON.

The rule of the file: a test on the allow list that did not run counts as failed; a skip is never a pass.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """One test: its name, `passed`, `failed` or `skipped`, how long it took and what it said when it failed."""

    name: str
    outcome: str
    seconds: float = 0.0
    message: str = ""


@dataclass(slots=True)
class SuiteResult:
    """All cases of one suite on one target."""

    suite: str
    target: str
    suite_version: str
    cases: list[Case] = field(default_factory=list)
    seconds: float = 0.0
    note: str = ""  # why the run ended early, if it did, or what else is to be known of it
    target_version: str = ""
    durability: str = ""  # of Neuraxis, as in `neuraxis up --durability`

    def named(self, outcome: str) -> list[str]:
        """Return the names of the cases with this outcome."""
        return [case.name for case in self.cases if case.outcome == outcome]

    def missed(self, allowed: Iterable[str]) -> list[str]:
        """Return the tests of the allow list that did not pass."""
        passed = set(self.named("passed"))
        return [name for name in allowed if name not in passed]

    def document(self, allowed: Iterable[str]) -> dict[str, object]:
        """Return the result as plain values, with the verdict against the allow list."""
        allowed = list(allowed)
        return {
            "suite": self.suite,
            "suite_version": self.suite_version,
            "target": self.target,
            "target_version": self.target_version,
            "durability": self.durability,
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
            "seconds": round(self.seconds, 1),
            "note": self.note,
            "passed": len(self.named("passed")),
            "failed": len(self.named("failed")),
            "skipped": len(self.named("skipped")),
            "allowed": len(allowed),
            "missed": self.missed(allowed),
            "cases": [
                {"name": c.name, "outcome": c.outcome, "seconds": round(c.seconds, 3), "message": c.message}
                for c in self.cases
            ],
        }

    def write(self, path: Path, allowed: Iterable[str]) -> None:
        """Write the result as JSON, with the verdict against the allow list."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.document(allowed), indent=1) + "\n")


def read_allow_list(path: Path) -> list[str]:
    """Read `tests.allow`: one test a line, `#` starts a comment."""
    names = [line.split("#", 1)[0].strip() for line in path.read_text().splitlines()]
    return [name for name in names if name]


def version_of(target: str) -> str:
    """Return the version of the broker that `target` names."""
    if target == "kafka":
        from compat.kafka import BROKER_VERSION  # here, because few results need it

        return BROKER_VERSION
    return metadata.version("neuraxis")
