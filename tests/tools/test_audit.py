"""tools/audit.py: what pip-audit says becomes an exit code, and silence is never taken for "none"."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType

import pytest

from tests.tidy.repository import ROOT


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    specification = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


GOOD = {"name": "click", "version": "8.1", "vulns": []}
BAD = {"name": "rich", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1", "2.0"]}]}
UNSEEN = {"name": "cramjam", "version": "2.0", "skip_reason": "it was not found"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([GOOD], 0, "no hole is known in 1 packages"),
        ([GOOD, BAD], 1, "rich 1.0: CVE-1, mended in 1.1, 2.0"),
        ([GOOD, UNSEEN], 2, "cramjam was not looked at"),
        ([BAD, UNSEEN], 1, "CVE-1"),
    ],
)
def test_the_answer_is_the_exit_code(audit: ModuleType, packages: list[object], code: int, said: str) -> None:
    found, lines = audit.judge(0, json.dumps({"dependencies": packages}), "")
    assert found == code
    assert said in "\n".join(lines)


def test_data_that_could_not_be_had_is_not_taken_for_no_holes(audit: ModuleType) -> None:
    code, lines = audit.judge(1, "", "a line\nERROR: could not connect")
    assert code == 2
    assert "could not be had: ERROR: could not connect" in lines[0]
    assert "Try again" in lines[1]
