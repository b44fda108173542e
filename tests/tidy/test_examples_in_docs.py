"""The Python programs in the README and the how-to pages run as printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.repository import ROOT

PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md")) + sorted((ROOT / "docs" / "how-to").glob("*.md"))
LIMIT_S = 60  # a program of ten lines that takes longer is stuck


def programs(page: Path) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a program, or with pytest if it defines tests."""
    file = folder / "test_program.py"
    file.write_text(program, "utf-8")
    command = [sys.executable, str(file)]
    if re.search(r"^def test_", program, re.MULTILINE):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=LIMIT_S, cwd=folder)


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(program, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, program in enumerate(programs(page), 1)
    ],
)
def test_the_program_runs_as_printed(program: str, tmp_path: Path) -> None:
    result = run(program, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_first_program_reads_back_what_it_sent(tmp_path: Path) -> None:
    (program,) = programs(ROOT / "README.md")
    result = run(program, tmp_path)
    assert result.stdout == "b'hello'\n", result.stderr
