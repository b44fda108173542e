"""docs/explanation/security.md: every test it names exists, so that no limit is said to be tested that is not."""

import re

from tests.tidy.repository import ROOT

PAGE = ROOT / "docs" / "explanation" / "security.md"


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text("utf-8")))
    assert len(named) > 20
    written = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    missing = sorted(name for name in named if f"def {name}(" not in written)
    assert not missing, f"the page names tests that do not exist: {', '.join(missing)}"


def test_every_threat_has_a_limit_and_a_test() -> None:
    table = PAGE.read_text("utf-8").partition("| Threat |")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in table.splitlines()[2:]]
    assert len(rows) > 15
    for row in rows:
        assert row[1].strip(), row[0]
        assert "`test_" in row[-1], row[0]
