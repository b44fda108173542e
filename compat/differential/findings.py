"""The differences that are known: the tables of FINDINGS.md, read as rules.

The rule of the file: FINDINGS.md is the only list. A difference that no row explains fails the suite, and so does a row
that explains nothing any more, unless its reason begins with "Sometimes" or "Open".
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from compat.differential.compare import differences
from compat.differential.golden import UNSTABLE

PATH = Path(__file__).parent / "FINDINGS.md"
COLUMNS = 6


@dataclass(frozen=True)
class Finding:
    """One row: globs for the case, the field and both values; who is right, and why."""

    case: str
    field: str
    kafka: str
    ours: str
    reason: str

    @property
    def sometimes(self) -> bool:
        """Whether the difference need not be there: in every run, or any longer once somebody repairs it."""
        return self.reason.startswith(("Sometimes", "Open"))

    def explains(self, difference: Difference) -> bool:
        """Whether this row is about that difference."""
        return (
            _like(difference.case, self.case)
            and _like(difference.field, self.field)
            and _like(difference.kafka, self.kafka)
            and _like(difference.ours, self.ours)
        )


@dataclass(frozen=True)
class Difference:
    """Where an answer differs, and how."""

    case: str
    field: str
    kafka: str
    ours: str

    def __str__(self) -> str:
        return f"{self.case} | {self.field}: Kafka {self.kafka}, Neuraxis {self.ours}"


def _like(text: str, glob: str) -> bool:
    return fnmatch.fnmatchcase(text, glob.replace("[", "[[]"))


def read(path: Path = PATH) -> list[Finding]:
    """The rows of every table: | case | field | Kafka | Neuraxis | right | reason |, with globs in backticks."""
    found = []
    for line in path.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if len(cells) == COLUMNS and cells[0].startswith("`"):
            case, field, kafka, ours = (cell.strip("`") for cell in cells[:4])
            found.append(Finding(case, field, kafka, ours, cells[5]))
    return found


def compare(kafka: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[Difference]:
    """Every difference in the answers to the cases that both were asked and Kafka answers alike each time."""
    for name, answer in kafka.items():
        if name in ours and answer != UNSTABLE:
            for field, left, right in _by_step(answer, ours[name]):
                yield Difference(name, field, left, right)


def _by_step(kafka: list[Any], ours: list[Any]) -> Iterator[tuple[str, str, str]]:
    """The differences of the answers to each step; a field's path begins with the number of its step."""
    for number, (left, right) in enumerate(zip_longest(kafka, ours, fillvalue="not asked")):
        for field, theirs, own in differences(left, right):
            yield f"{number}.{field}" if field else str(number), theirs, own


def explain(
    found: Iterable[Difference], rows: Iterable[Finding]
) -> tuple[list[Difference], dict[Finding, int]]:
    """The differences that no row explains, and how many each row explains."""
    counts = dict.fromkeys(rows, 0)
    unexplained = []
    for difference in found:
        row = next((row for row in counts if row.explains(difference)), None)
        if row is None:
            unexplained.append(difference)
        else:
            counts[row] += 1
    return unexplained, counts
