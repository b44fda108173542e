"""docs/generate.py: what it writes and what it notices."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.tidy.repository import ROOT


@pytest.fixture
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_stale_page_is_noticed_and_written(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("old")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "PAGES", {page: lambda: "new"})
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 1
    assert "page.md" in capsys.readouterr().err
    assert page.read_text() == "old"
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert page.read_text() == "new"


def test_the_readme_takes_the_summary_that_the_bench_wrote(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "README", tmp_path / "README.md")
    monkeypatch.setattr(generate, "REFERENCE", tmp_path)
    (tmp_path / "README.md").write_text(f"a\n{generate.BEGIN}goals\n{generate.END}z\n")
    assert "goals" in generate.readme()
    (tmp_path / "performance.md").write_text(f"# P\n{generate.BEGIN}| 1.5x |\n{generate.END}details\n")
    assert generate.readme() == f"a\n{generate.BEGIN}| 1.5x |\n{generate.END}z\n"


def test_a_page_without_its_marks_is_refused_with_the_next_step(generate: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="put the summary between"):
        generate.between_marks("no marks", tmp_path / "performance.md")


def test_cells_of_a_table_cannot_break_it(generate: ModuleType) -> None:
    assert generate.table(("A", "B"), [("x|y", "1\n2")]) == "| A | B |\n|---|---|\n| x\\|y | 1 2 |\n"
