from __future__ import annotations

from neuraxis.wire.messages.create_acls import CreateAclsRequest
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted
from tests.broker.scripts.acls import SCRIPT, find, make, rule
from tests.broker.scripts.replay import assert_kafkas_answers

WRONG = (42, "Kafka closes the connection or fails with -1; an answer tells the client what is wrong")
NAMES = (
    *("resource 0", "resource 1", "pattern 0", "pattern 1", "pattern 2", "permission 0", "permission 1"),
    *(f"resource {kind} operation {operation}" for kind in range(2, 8) for operation in (0, 1)),
)


def test_rules_are_taken_and_refused_as_by_kafka() -> None:
    assert_kafkas_answers("acls", CreateAclsRequest, different={f"create: {name}": WRONG for name in NAMES})


def test_without_an_authoriser_no_rule_is_made() -> None:
    assert_kafkas_answers("acls_off", CreateAclsRequest, different={"create: bad": (54, WRONG[1])})


def test_rules_outlive_the_broker() -> None:
    broker = CoreHarness(**SCRIPT.settings)
    broker.connect().request(make(rule(name="drives", host="10.0.0.0/8")), 3)
    (found,) = restarted(broker, **SCRIPT.settings).connect().request(find(), 3).resources
    assert (found.resource_name, [each.host for each in found.acls]) == ("drives", ["10.0.0.0/8"])
