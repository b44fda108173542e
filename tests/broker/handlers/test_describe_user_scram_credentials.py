from __future__ import annotations

from neuraxis.wire.messages.describe_user_scram_credentials import DescribeUserScramCredentialsRequest
from tests.broker.scripts.replay import assert_kafkas_answers


def test_credentials_are_shown_as_by_kafka() -> None:
    assert_kafkas_answers("scram", DescribeUserScramCredentialsRequest)
