"""The page of restarts: fresh, and honest about its budget."""

from __future__ import annotations

import json
from typing import Any  # a document of figures comes from JSON

from bench import restart


def document(seconds: list[float]) -> dict[str, Any]:
    case = {"name": "x", "policy": "os", "partitions": 1_000, "held": 10 * restart.GB, "tail": 5 * restart.MB}
    figures = {"record": 16_000, "seconds": seconds, "cpu_seconds": [0.5]}
    return {"date": "2026-11-25", "machine": "one", "load_before": 0.1, "cases": [{**case, **figures}]}


def test_the_page_is_what_the_kept_figures_give() -> None:
    kept = json.loads(restart.DOCUMENT.read_text())
    assert restart.PAGE.read_text() == restart.page(kept), "run: python -m bench.restart --report"


def test_a_budget_is_met_or_missed_by_the_median() -> None:
    assert "takes 0.90 s: met" in restart.page(document([0.8, 0.9, 3.0]))
    assert "takes 1.10 s: **missed**" in restart.page(document([0.8, 1.1, 1.2]))


def test_a_row_says_how_much_in_the_units_of_people() -> None:
    page = restart.page(document([0.8, 0.9, 3.0]))
    assert "| `os` | 1,000 | 10 GB | 5 MB, batches of 16 kB | 0.90 | 0.80 to 3.00 | 0.50 |" in page


def test_other_work_on_the_machine_is_told() -> None:
    assert "Other work" not in restart.page(document([1.0]))
    assert "load average 4" in restart.page({**document([1.0]), "load_before": 4})
