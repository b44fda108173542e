"""Running commands in tests: in this process, and as a real one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from neuraxis.cli import root

NEURAXIS = str(Path(sys.executable).parent / "neuraxis")
Run = Callable[..., Result]


def runner(bootstrap: str) -> Run:
    """Return a function that runs one command on `bootstrap` and checks its exit code (0 unless told otherwise)."""

    def run(*arguments: str, code: int = 0, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(root, ["--bootstrap", bootstrap, *arguments], input=stdin)
        assert result.exit_code == code, f"{arguments}: {result.output} {result.exception!r}"
        return result

    return run


def value(result: Result) -> Any:  # Any: whatever the command's JSON holds
    """Return the JSON a command printed."""
    return json.loads(result.stdout)


def process(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `neuraxis` as a process of its own."""
    return subprocess.run(
        [NEURAXIS, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
