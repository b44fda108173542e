from __future__ import annotations

import pytest

from neuraxis.wire.messages.create_delegation_token import CreateDelegationTokenRequest
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted
from tests.broker.scripts.replay import assert_kafkas_answers
from tests.broker.scripts.tokens import BOB, EVERYBODYS, SECRET, create


@pytest.mark.parametrize("script", ["tokens", "tokens_off", "tokens_known", "tokens_known_off"])
def test_answers_are_kafkas_with_and_without_a_secret_key_and_a_login(script: str) -> None:
    assert_kafkas_answers(script, CreateDelegationTokenRequest)


def test_tokens_outlive_the_broker() -> None:
    broker = CoreHarness(**SECRET)
    peer = broker.connect()
    peer.session.principal = "User:ann"
    made = peer.request(create(BOB), 3)
    peer = restarted(broker, **SECRET).connect()
    peer.session.principal = "User:bob"
    (shown,) = peer.request(EVERYBODYS, 3).tokens
    assert (shown.token_id, bytes(shown.hmac)) == (made.token_id, bytes(made.hmac))
