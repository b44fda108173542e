"""compat/scripted.py and the judges of the suites around it: what is a failure, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat.kafka_connect.suite import difference
from compat.kafka_streams.suite import wrong_counts
from compat.mirrormaker2 import suite as mirrormaker2
from compat.mirrormaker2.suite import twins
from compat.results import Case, SuiteResult, read_allow_list
from compat.scripted import run_cases, wait_until


def good(context: list[str]) -> None:
    context.append("good")


def bad(context: list[str]) -> None:
    raise AssertionError(f"after {len(context)} cases")


def test_a_case_whose_assertion_fails_is_a_failure_and_the_next_one_runs(tmp_path: Path) -> None:
    cases = {"bad": bad, "good": good}
    result = run_cases(SuiteResult("x", "kafka", "1"), cases, [], select=None, out=tmp_path)
    assert [(case.name, case.outcome) for case in result.cases] == [("bad", "failed"), ("good", "passed")]
    assert result.cases[0].message == "after 0 cases"
    assert "test_scripted.py" in (tmp_path / "x.log").read_text()


def test_a_selected_case_runs_alone(tmp_path: Path) -> None:
    result = run_cases(
        SuiteResult("x", "kafka", "1"), {"bad": bad, "good": good}, [], select="goo", out=tmp_path
    )
    assert result.named("passed") == ["good"]
    assert len(result.cases) == 1


def test_a_wait_that_ends_without_it_says_what_it_waited_for() -> None:
    with pytest.raises(AssertionError, match="still not: the tide is in"):
        wait_until("the tide is in", lambda: False, timeout_s=0)


@pytest.mark.parametrize("counts", [[1, 2], [1, 2, 3, 3], [1, 3, 2], [2, 3], [1, 2, 3, 4]])
def test_a_lost_a_repeated_and_a_misplaced_update_of_a_count_are_wrong(counts: list[int]) -> None:
    assert wrong_counts({"a": 3, "b": 1}, {"a": counts, "b": [1]}) == [f"a written 3 times: {counts}"]


def test_the_counts_of_a_word_are_all_numbers_up_to_its_occurrences() -> None:
    assert wrong_counts({"a": 3, "b": 1}, {"a": [1, 2, 3], "b": [1]}) == []
    assert wrong_counts({"a": 1}, {}) == ["a written 1 times: None"]
    assert wrong_counts({}, {"a": [1]}) == ["a written 0 times: [1]"]


def test_a_difference_of_lines_tells_the_missing_from_the_repeated() -> None:
    said = difference(["a", "b", "c"], ["a", "c", "c"])
    assert said == "3 lines for 3: 1 missing, 1 repeated, first difference at 1"


def test_what_ran_from_kafka_to_kafka_is_said_under_both_names() -> None:
    (twin,) = twins([Case("records", "failed", 3.0, "why")])
    assert twin == Case("records_from_kafka", "failed", 0.0, "why")


def test_every_case_of_mirrormaker_must_pass_from_either_broker() -> None:
    allowed = read_allow_list(Path(mirrormaker2.__file__).parent / "tests.allow")
    assert set(mirrormaker2.cases_on("neuraxis")) == set(allowed)
