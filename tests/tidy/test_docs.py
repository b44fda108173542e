"""The documentation holds together: links resolve, fragments are well formed, generated pages are fresh."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tidy.repository import ROOT, text_files

PAGES = [path for path in text_files() if path.suffix == ".md"]
FRAGMENT_NAME = re.compile(r"(\d+|\+[\w-]+)\.(feature|fix|performance|removal|docs)(\.\d+)?\.md")
FRAGMENT_CHARACTERS = 400  # a reader of the change log wants one or two sentences


def heading_anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as the common Markdown renderers make them."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    headings = re.findall(r"^#{1,6} +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> Iterator[str]:
    """The links of a page, images and HTML sources included, that lead nowhere inside the repository."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)[^)]*\)", text) + re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists():
            yield f"{page.name}: {target} does not exist"
        elif anchor and file.suffix == ".md" and anchor not in heading_anchors(file.read_text("utf-8")):
            yield f"{page.name}: {target} names no heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_the_page_resolves(page: Path) -> None:
    broken = list(broken_links(page, page.read_text("utf-8")))
    assert not broken, "\n".join(broken)


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](missing.md) [b](#nowhere) [c](#here) [d](https://example.org)\n")
    assert list(broken_links(page, page.read_text())) == [
        "page.md: missing.md does not exist",
        "page.md: #nowhere names no heading",
    ]


def test_fragments_of_the_change_log_are_well_formed() -> None:
    wrong = []
    for path in sorted((ROOT / "changes").iterdir()):
        if path.name == "README.md":
            continue
        text = path.read_text("utf-8").strip()
        if not FRAGMENT_NAME.fullmatch(path.name):
            wrong.append(f"{path.name}: name it <issue>.<feature|fix|performance|removal|docs>.md")
        if not text.endswith(".") or len(text) > FRAGMENT_CHARACTERS or "\n\n" in text:
            wrong.append(f"{path.name}: one or two sentences, up to {FRAGMENT_CHARACTERS} characters")
    assert not wrong, "\n".join(wrong)


def test_decision_records_are_numbered_without_gaps_and_have_their_sections() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        headings = re.findall(r"^## (\w+)", record.read_text("utf-8"), re.MULTILINE)
        assert headings[:3] == ["Context", "Choice", "Consequences"], record.name


def test_generated_reference_pages_are_fresh() -> None:
    command = [sys.executable, ROOT / "docs" / "generate.py", "--check"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
