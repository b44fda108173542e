"""Apache Kafka's reduced answers, kept compressed, so that our answers can be compared without a JVM.

The rule of the file: an answer that Kafka itself gives differently from one run to the next is marked, not kept.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compat.brokers import REPOSITORY

PATH = REPOSITORY / "tests" / "compat" / "data" / "differential.json.xz"
UNSTABLE = "unstable"
"""Stands for the answers to a case that differ from run to run on Kafka alone."""

Answers = Mapping[str, Any]


def read(path: Path = PATH) -> dict[str, Any]:
    """Answers by the full name of the case."""
    table: dict[str, Any] = json.loads(lzma.decompress(path.read_bytes()))
    return table


def write(answers: Answers, path: Path = PATH) -> None:
    """Keep answers; a file of the same answers has the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(answers), separators=(",", ":"), sort_keys=True)
    path.write_bytes(lzma.compress(text.encode(), preset=9))


def agreed(first: Answers, second: Answers) -> dict[str, Any]:
    """The answers of two runs on fresh nodes; where they differ, `UNSTABLE`."""
    return {name: answer if second[name] == answer else UNSTABLE for name, answer in first.items()}
