from __future__ import annotations

from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest
from tests.broker.scripts.replay import assert_kafkas_answers


def test_a_listener_without_sasl_answers_as_kafkas() -> None:
    assert_kafkas_answers("one_node", SaslAuthenticateRequest)
