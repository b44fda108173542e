"""The verdict of a compatibility suite: what counts as passed, as missed, as never ended."""

from __future__ import annotations

import json
from pathlib import Path

from compat.junit import read_cases
from compat.kgo.suite import read_output
from compat.results import Case, SuiteResult, read_allow_list

GO_OUTPUT = """=== RUN   TestPing
--- PASS: TestPing (0.02s)
=== RUN   TestGroupETL
=== RUN   TestGroupETL/range
    --- PASS: TestGroupETL/range (6.98s)
    --- SKIP: TestGroupETL/848 (0.00s)
--- FAIL: TestGroupETL (7.00s)
=== RUN   TestTxnEtl
panic: test timed out after 6m40s
"""


def outcomes(cases: list[Case]) -> dict[str, str]:
    return {case.name: case.outcome for case in cases}


def test_a_go_test_that_began_and_never_ended_is_a_failure() -> None:
    assert outcomes(read_output(GO_OUTPUT)) == {
        "TestPing": "passed",
        "TestGroupETL/range": "passed",
        "TestGroupETL/848": "skipped",
        "TestGroupETL": "failed",
        "TestTxnEtl": "failed",
    }


def test_a_skipped_or_absent_test_of_the_allow_list_is_missed() -> None:
    result = SuiteResult("kgo", "neuraxis", "v1", [Case("a", "passed"), Case("b", "skipped")])
    assert result.missed(["a", "b", "c"]) == ["b", "c"]


def test_the_result_is_written_with_its_verdict(tmp_path: Path) -> None:
    result = SuiteResult("kgo", "neuraxis", "v1", [Case("a", "passed", 1.0), Case("b", "failed", 2.0, "why")])
    result.write(tmp_path / "result.json", ["a", "b"])
    document = json.loads((tmp_path / "result.json").read_text())
    assert (document["passed"], document["failed"], document["missed"]) == (1, 1, ["b"])
    assert document["cases"][1]["message"] == "why"


def test_an_allow_list_may_hold_comments_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "tests.allow"
    path.write_text("# why\n\nTestA\nTestB/sub  # note\n")
    assert read_allow_list(path) == ["TestA", "TestB/sub"]


def test_a_pytest_case_that_fails_in_its_teardown_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="test.integration.test_x" name="test_a" time="1.5"/>'
        '<testcase classname="test.integration.test_x" name="test_a" time="0"><error message="late"/></testcase>'
        '<testcase classname="test.integration.test_x" name="test_b" time="0"><skipped message="old"/></testcase>'
        "</testsuite></testsuites>"
    )
    assert outcomes(read_cases(path)) == {"test_x::test_a": "failed", "test_x::test_b": "skipped"}


def test_no_report_means_no_cases(tmp_path: Path) -> None:
    assert read_cases(tmp_path / "absent.xml") == []
