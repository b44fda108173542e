from __future__ import annotations

from neuraxis.broker.security.exchange import WRONG_CREDENTIALS, Accepted, Challenge, Identity, Rejected


def test_what_a_client_is_told_says_nothing_about_users() -> None:
    assert "exist" not in WRONG_CREDENTIALS
    assert "unknown" not in WRONG_CREDENTIALS


def test_outcomes_are_values() -> None:
    assert Accepted(Identity("ann")) == Accepted(Identity("ann"))
    assert Challenge(b"x") != Challenge(b"y")
    assert Rejected("told", "reason").told == "told"
