"""The API table is derived, so it is written down here: a change of what we serve is seen in a review."""

from __future__ import annotations

import os
from pathlib import Path

from neuraxis.broker.registry import api_table, render_table

SNAPSHOT = Path(__file__).parent / "api_table.txt"
UPDATE = "NEURAXIS_UPDATE_SNAPSHOTS=1 pytest tests/test_api_table.py"


def test_the_api_table_is_the_one_written_down() -> None:
    table = render_table(api_table())
    if os.environ.get("NEURAXIS_UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(table)
    assert SNAPSHOT.read_text() == table, (
        f"what the broker serves has changed; if that was meant, run: {UPDATE}"
    )
