"""The Python programs in the README and the how-to pages run as printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.repository import ROOT

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "tutorials").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]
PROGRAMS = [
    pytest.param(program, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, program in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE), 1
    )
]
LIMIT_S = 60  # a program of ten lines that takes longer is stuck


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_program_runs_as_printed(program: str, tmp_path: Path) -> None:
    file = tmp_path / "test_program.py"
    file.write_text(program, "utf-8")
    command = [sys.executable, str(file)]
    if re.search(r"^def test_", program, re.MULTILINE):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LIMIT_S, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_readme_has_a_program_to_run() -> None:
    assert any(parameter.id == "README-1" for parameter in PROGRAMS)


def test_the_first_program_reads_back_what_it_sent(tmp_path: Path) -> None:
    program = PROGRAMS[0].values[0]
    assert isinstance(program, str)
    run = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert run.stdout == "b'hello'\n", run.stderr
