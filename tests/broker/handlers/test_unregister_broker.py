from __future__ import annotations

from neuraxis.wire.messages.unregister_broker import UnregisterBrokerRequest
from tests.broker.harness import CoreHarness
from tests.broker.scripts.replay import assert_kafkas_answers


def test_unknown_brokers_are_refused_as_by_kafka() -> None:
    assert_kafkas_answers("one_node", UnregisterBrokerRequest)


def test_the_only_broker_stays() -> None:
    answer = CoreHarness().connect().request(UnregisterBrokerRequest(broker_id=1), 0)
    assert (answer.error_code, "only broker" in answer.error_message) == (42, True)
