from __future__ import annotations

from neuraxis.wire.messages.unregister_controller import UnregisterControllerRequest
from tests.broker.harness import CoreHarness
from tests.broker.scripts.replay import assert_kafkas_answers


def test_unknown_controllers_are_refused_as_by_kafka() -> None:
    assert_kafkas_answers("one_node", UnregisterControllerRequest)


def test_the_only_controller_stays() -> None:
    answer = CoreHarness().connect().request(UnregisterControllerRequest(controller_id=1), 0)
    assert (answer.error_code, "only controller" in answer.error_message) == (42, True)
