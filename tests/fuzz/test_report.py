"""fuzz/report.py: the page says what the results say, and is fresh."""

from __future__ import annotations

import json

from fuzz import report


def test_the_page_is_fresh() -> None:
    assert report.PAGE.read_text("utf-8") == report.page(), "run: python -m fuzz.report"


def test_the_page_counts_ten_million_inputs_and_a_million_to_the_core() -> None:
    total = report.summed(json.loads(report.RESULTS.read_text("utf-8")))
    assert sum(tally["inputs"] for tally in total.values()) >= 10_000_000
    assert total["core"]["inputs"] >= 1_000_000


def test_every_test_that_mends_a_finding_exists() -> None:
    written = "\n".join(path.read_text("utf-8") for path in (report.ROOT / "tests").rglob("test_*.py"))
    for each in json.loads(report.FOUND.read_text("utf-8")):
        assert f"def {each['test']}(" in written, each
