"""Build and run our program for rskafka (Rust) against a broker that already runs.

The manifest pins what the program asks for by exact version. It is built in `.cache/rust`, where Cargo keeps its lock
file: a lock names the registry it was made with, so none is in the repository.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from compat.brokers import REPOSITORY, BrokerFailed
from compat.programs import build, run_program
from compat.results import SuiteResult

VERSION = "0.6.0"
SETTINGS: dict[str, str] = {}


def build_program() -> list[str]:
    """Build the program (about 90 s the first time); return the command that runs it."""
    if shutil.which("cargo") is None:
        raise BrokerFailed(
            "the Rust client needs Rust 1.85 or newer (cargo), and a C compiler for zstd and lz4"
        )
    here = Path(__file__).parent
    tree = REPOSITORY / ".cache" / "rust" / "rskafka"
    (tree / "src").mkdir(parents=True, exist_ok=True)
    for name in ("Cargo.toml", "src/main.rs"):
        if not (tree / name).exists() or (tree / name).read_bytes() != (here / name).read_bytes():
            shutil.copyfile(here / name, tree / name)
    build(["cargo", "build", "--quiet"], tree)
    return [str(tree / "target" / "debug" / "program")]


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the program; `select` is one feature of compat/features.py or None for all."""
    command = build_program()
    return run_program(
        "rskafka", VERSION, command, bootstrap=bootstrap, target=target, select=select, out=out
    )
