"""Our answers to some ten thousand requests against those kept of Apache Kafka 4.4.0; `python -m compat.differential record`
keeps them anew."""

from __future__ import annotations

from typing import Any

import pytest

import neuraxis
from compat.differential import findings, golden, scenarios
from compat.differential.cases import Case, api_name
from compat.differential.runner import SILENT
from compat.differential.suite import play
from neuraxis.wire import messages

pytestmark = pytest.mark.timeout(
    600
)  # thirteen thousand requests: half a minute on a machine that does nothing else

KAFKA = golden.read()
ELSEWHERE = {88, 89, 93}  # streams groups: their answers are kept by tests/broker/test_streams_script.py
SILENCE_S = 0.6  # how long to wait for an answer that Kafka never gives
PATIENCE_S = 10.0  # how long for any other, on however busy a machine
SHOWN = 30  # differences in a failure's message: the suite `differential` writes all of them to a file


def patience_s(case: Case) -> float:
    """How long to wait for the answers to a case."""
    return SILENCE_S if SILENT in KAFKA[case.full_name] else PATIENCE_S


@pytest.fixture(scope="module")
def differences() -> list[findings.Difference]:
    with neuraxis.Broker() as broker:
        advertised = scenarios.advertised_by(broker.bootstrap)
        cases = [case for case in scenarios.all_cases(advertised) if case.full_name in KAFKA]
        assert len(cases) > 10_000, "most answers kept of Apache Kafka have no case here"
        answers, _ = play(broker.bootstrap, cases, timeout_s=patience_s)
    return list(findings.compare(KAFKA, answers))


def test_every_difference_from_apache_kafka_has_its_reason(differences: list[findings.Difference]) -> None:
    unexplained, _ = findings.explain(differences, findings.read())
    shown = "\n".join(map(str, unexplained[:SHOWN]))
    assert not unexplained, (
        f"{len(unexplained)} differences that compat/differential/FINDINGS.md does not explain:\n{shown}"
    )


def test_every_finding_is_still_true(differences: list[findings.Difference]) -> None:
    _, counts = findings.explain(differences, findings.read())
    stale = [finding for finding, count in counts.items() if not count and not finding.sometimes]
    assert not stale, "rows of compat/differential/FINDINGS.md that explain nothing: remove them"


def test_every_case_of_a_key_that_was_recorded_has_a_kept_answer() -> None:
    recorded = {" ".join(name.split()[:2]) for name in KAFKA}
    everything: dict[int, tuple[int, int]] = dict.fromkeys(range(100), (0, 99))
    missing = [
        case.full_name
        for case in scenarios.all_cases(everything)
        if " ".join(case.full_name.split()[:2]) in recorded and case.full_name not in KAFKA
    ]
    assert not missing, "run `python -m compat.differential record --select NAME`"


def test_every_version_of_every_key_that_is_advertised_was_asked_of_apache_kafka() -> None:
    asked = {tuple(name.split()[:2]) for name in KAFKA}
    with neuraxis.Broker() as broker:
        advertised = scenarios.advertised_by(broker.bootstrap)
    missing = [
        f"{api_name(key)} v{version}"
        for key, (low, high) in sorted(advertised.items())
        for version in messages.versions(key)
        if low <= version <= high and (api_name(key), f"v{version}") not in asked and key not in ELSEWHERE
    ]
    assert not missing, "compat/differential/families has no scenario for them, or they were not recorded"


def test_apache_kafka_answers_nearly_everything_alike_each_time() -> None:
    unstable: list[Any] = [name for name, answer in KAFKA.items() if answer == golden.UNSTABLE]
    assert len(unstable) < len(KAFKA) / 200, unstable
