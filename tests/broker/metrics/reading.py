"""A strict reader of Prometheus's text format (0.0.4), for tests: what it does not understand is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)", re.DOTALL)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
Labels = frozenset[tuple[str, str]]


@dataclass
class Page:
    """What a page says: the kind of each family, and the value of each series."""

    kinds: dict[str, str] = field(default_factory=dict)
    series: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float:
        return self.series[name][frozenset(labels.items())]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the series that have these labels, whatever others they have."""
        wanted = set(labels.items())
        return sum(value for found, value in self.series.get(name, {}).items() if wanted <= found)

    def buckets(self, name: str, **labels: str) -> list[tuple[float, float]]:
        found = []
        for names, value in self.series[f"{name}_bucket"].items():
            each = dict(names)
            bound = float(each.pop("le"))
            if each == labels:
                found.append((bound, value))
        return found


def parse(text: str) -> Page:
    page = Page()
    assert text.endswith("\n")
    family = ""
    finished: set[str] = set()
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            finished.add(family)
            family = line.split(" ")[2]
            assert family not in finished, f"{family} comes twice"
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family
            page.kinds[name] = kind
        else:
            found = LINE.fullmatch(line)
            assert found, line
            name, labels, value = found.groups()
            suffixes = ("_bucket", "_sum", "_count") if page.kinds[family] == "histogram" else ("",)
            assert name in [family + suffix for suffix in suffixes], (name, family)
            series = page.series.setdefault(name, {})
            key = _labels(labels or "")
            assert key not in series, line
            series[key] = float(value)
    return page


def _labels(text: str) -> Labels:
    found, position = [], 0
    while position < len(text):
        label = LABEL.match(text, position)
        assert label, text
        value = re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], label[2])
        found.append((label[1], value))
        position = label.end()
    return frozenset(found)
