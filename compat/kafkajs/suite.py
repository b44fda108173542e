"""Run our program for kafkajs (JavaScript) against a broker that already runs."""

from __future__ import annotations

from pathlib import Path

from compat.node import install
from compat.programs import run_program
from compat.results import SuiteResult

VERSION = "2.2.4"
SETTINGS: dict[str, str] = {}


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the program; `select` is one feature of compat/features.py or None for all."""
    command = install(Path(__file__).parent)
    return run_program(
        "kafkajs", VERSION, command, bootstrap=bootstrap, target=target, select=select, out=out
    )
