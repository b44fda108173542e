"""Verifying a broker process while it is killed, paused and cut off; and what is refused before anything starts."""

from __future__ import annotations

import io

import pytest

from neuraxis.client import ClientError, Settings
from neuraxis.testing.history import History, from_lines
from neuraxis.testing.verify import FAULTS, Plan, Verification


@pytest.mark.timeout(180)  # 8 s of load; transactions that a fault leaves open may hold readers for 10 s each
def test_promises_are_kept_while_the_broker_is_killed_paused_and_cut_off() -> None:
    sink = io.StringIO()
    plan = Plan(seconds=8.0, seed=5)
    report, outcome = Verification(Settings(), plan, FAULTS, own_broker=True).run(sink)
    assert not report.broken, [verdict.findings for verdict in report.broken]
    assert sum(outcome.faults.values()) > 3
    assert report.outcomes["send"]["ok"] > 300
    kinds = {each.kind for each in History.of(from_lines(sink.getvalue().splitlines())).operations}
    assert kinds >= {"send", "poll", "commit", "fault", "heal", "drain", "committed"}


def test_a_foreign_broker_is_not_struck() -> None:
    with pytest.raises(ClientError, match="kill and pause need a broker of our own"):
        Verification(Settings(), faults=FAULTS).run()


def test_what_is_encrypted_cannot_be_reset() -> None:
    with pytest.raises(ClientError, match="cannot look into SASL_SSL"):
        Verification(Settings(security_protocol="SASL_SSL"), faults=("reset",)).run()


def test_a_broker_that_does_not_start_is_a_client_error() -> None:
    with pytest.raises(ClientError, match="the broker under test failed"):
        Verification(Settings(), own_broker=True, durability="whatever").run()
