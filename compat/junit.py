"""Pytest's JUnit report read into cases."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from compat.results import Case


def read_cases(report: Path) -> list[Case]:
    """Read the cases of a JUnit file written by pytest; a case that also errors in teardown counts as failed."""
    cases: dict[str, Case] = {}
    if not report.exists():
        return []
    for element in ElementTree.parse(report).iter("testcase"):
        module = element.get("classname", "").rsplit(".", 1)[-1]
        name = f"{module}::{element.get('name', '')}"
        outcome, message = "passed", ""
        for child in element:
            if child.tag in ("failure", "error"):
                outcome, message = "failed", (child.get("message") or "")[:400]
            elif child.tag == "skipped" and outcome == "passed":
                outcome, message = "skipped", (child.get("message") or "")[:400]
        earlier = cases.get(name)
        if earlier is None or earlier.outcome != "failed":
            cases[name] = Case(name, outcome, float(element.get("time", "0")), message)
    return list(cases.values())
