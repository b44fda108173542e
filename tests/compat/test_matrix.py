"""compat/matrix.py and compat/programs.py: the page says what the results say, and a program's report is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat import matrix
from compat.clients.bodies import features_of
from compat.features import FEATURES
from compat.programs import read_report
from compat.results import Case, SuiteResult, read_allow_list

COMPAT = Path(matrix.__file__).parent


def result_of(target: str, **outcomes: str) -> SuiteResult:
    cases = [Case(feature, outcomes.get(feature, "passed"), 0.1, "why") for feature in FEATURES]
    return SuiteResult("franz_go", target, "v1.2.3", cases)


def test_the_page_is_written_from_the_kept_results() -> None:
    assert matrix.PAGE.read_text("utf-8") == matrix.render(matrix.load(), matrix.load_suites()), (
        "stale: run `make docs`"
    )


def test_every_client_was_run_on_both_targets_and_every_feature_has_an_outcome() -> None:
    results = matrix.load()
    assert set(results) == {(client, target) for client in matrix.CLIENTS for target in matrix.TARGETS}
    for kept in results.values():
        assert list(kept["features"]) == list(FEATURES)


def test_every_feature_that_fails_on_neuraxis_has_its_cause_in_the_findings() -> None:
    for (client, target), kept in matrix.load().items():
        findings = (COMPAT / matrix.CLIENTS[client][2] / "FINDINGS.md").read_text("utf-8")
        for feature, outcome in kept["features"].items():
            if outcome == "failed" and target == "neuraxis":
                assert f"**{feature}**" in findings, f"{client}: say why {feature} fails"


@pytest.mark.parametrize("program", matrix.PROGRAMS)
def test_what_a_program_passed_it_must_go_on_passing(program: str) -> None:
    passed = [
        name
        for name, outcome in matrix.load()[program, "neuraxis"]["features"].items()
        if outcome == "passed"
    ]
    assert read_allow_list(COMPAT / program / "tests.allow") == passed


def test_a_difference_between_the_targets_is_named(tmp_path: Path) -> None:
    matrix.keep(result_of("kafka"), (), tmp_path)
    matrix.keep(result_of("neuraxis", lz4="failed", groups="skipped"), (), tmp_path)
    results = matrix.load(tmp_path)
    kept = results["franz_go", "neuraxis"]
    assert (kept["version"], kept["features"]["groups"], kept["messages"]) == (
        "1.2.3",
        "absent",
        {"lz4": "why"},
    )
    page = matrix.render(results, {})
    assert "Kafka yes, Neuraxis **no**" in page
    assert "Differences between the two: franz-go: lz4; franz-go: groups." in page


def test_a_suite_is_a_row_with_both_results_and_its_failures_are_named(tmp_path: Path) -> None:
    ours = [
        Case("good", "passed"),
        Case("hard", "failed", 1.0, "why"),
        Case("odd", "failed"),
        Case("old", "skipped"),
    ]
    theirs = [Case("good", "passed"), Case("hard", "failed"), Case("odd", "passed"), Case("old", "skipped")]
    for target, cases, policy in (("neuraxis", ours, "sync"), ("kafka", theirs, "")):
        result = SuiteResult("kgo", target, "v1.22.3", cases, target_version="9.9", durability=policy)
        matrix.keep(result, ["good"], tmp_path)
    page = matrix.render({}, matrix.load_suites(tmp_path))
    day = matrix.load_suites(tmp_path)["kgo", "kafka"]["date"]
    assert (
        f"1 passed, **2 failed**, 1 skipped (9.9, `sync`, {day}) | 2 passed, **1 failed**, 1 skipped (9.9, {day})"
        in page
    )
    assert (
        "- **kgo** fails on both `hard`; on Neuraxis alone `odd`: the causes are in `compat/kgo/FINDINGS.md`"
        in page
    )


def test_every_kept_suite_says_what_it_is_and_names_each_failure_in_its_findings() -> None:
    for (suite, target), kept in matrix.load_suites().items():
        assert (COMPAT / suite / "__init__.py").read_text("utf-8").startswith('"""'), suite
        failed = [str(case["name"]) for case in kept["cases"] if case["outcome"] != "passed"]
        if target == "neuraxis" and failed:
            findings = (COMPAT / suite / "FINDINGS.md").read_text("utf-8")
            for name in failed:
                assert f"`{name.rsplit('::', 1)[-1].split('/')[0]}`" in findings, (
                    f"{suite}: say why {name} fails"
                )


def test_a_feature_that_was_not_reported_has_failed() -> None:
    good = '{"feature": "gzip", "outcome": "passed", "seconds": 0.5, "message": ""}'
    odd = '{"feature": "juggling", "outcome": "passed", "seconds": 0.5, "message": ""}'
    absent = '{"feature": "lz4", "outcome": "absent", "seconds": 0, "message": "not in this client"}'
    cases = read_report("\n".join(["chatter", good, odd, absent]), ["gzip", "lz4", "zstd"])
    assert {case.name: case.outcome for case in cases} == {
        "gzip": "passed",
        "juggling": "failed",
        "lz4": "skipped",
        "zstd": "failed",
    }


def test_a_body_that_did_not_run_shows_nothing() -> None:
    features = features_of("kcat", {"test_kcat::test_lines_produced_are_lines_consumed[lz4]": "passed"})
    assert (features["lz4"], features["gzip"], features["topics"]) == ("passed", "failed", "absent")
