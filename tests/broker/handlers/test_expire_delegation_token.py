from __future__ import annotations

import pytest

from neuraxis.wire.messages.expire_delegation_token import ExpireDelegationTokenRequest
from tests.broker.scripts.replay import assert_kafkas_answers


@pytest.mark.parametrize("script", ["tokens", "tokens_off", "tokens_known", "tokens_known_off"])
def test_answers_are_kafkas_with_and_without_a_secret_key_and_a_login(script: str) -> None:
    assert_kafkas_answers(script, ExpireDelegationTokenRequest)
