"""Run our program for sarama (Go) against a broker that already runs."""

from __future__ import annotations

from pathlib import Path

from compat.golang import build_program
from compat.programs import run_program
from compat.results import SuiteResult

VERSION = "v1.61.1"
SETTINGS: dict[str, str] = {}


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the program; `select` is one feature of compat/features.py or None for all."""
    command = build_program(Path(__file__).parent)
    return run_program("sarama", VERSION, command, bootstrap=bootstrap, target=target, select=select, out=out)
