from __future__ import annotations

from neuraxis.wire.messages.delete_acls import DeleteAclsRequest
from tests.broker.harness import CoreHarness
from tests.broker.scripts.acls import GROUP, SCRIPT, drop, find, make, rule
from tests.broker.scripts.replay import assert_kafkas_answers

UNKNOWN = (42, "Kafka closes the connection; an answer tells the client what is wrong")


def test_filters_delete_what_they_delete_on_kafka() -> None:
    names = ("bad permission 0", "bad resource 0", "bad pattern 0", "a good and a bad filter")
    assert_kafkas_answers("acls", DeleteAclsRequest, different={f"delete: {name}": UNKNOWN for name in names})


def test_without_an_authoriser_nothing_is_deleted() -> None:
    assert_kafkas_answers("acls_off", DeleteAclsRequest, different={"delete: bad": (54, UNKNOWN[1])})


def test_a_wrong_filter_does_not_stop_the_others() -> None:
    peer = CoreHarness(**SCRIPT.settings).connect()
    peer.request(make(rule(GROUP, "g"), rule(name="t")), 3)
    answer = peer.request(drop(find(operation=0), find(GROUP)), 3)
    assert [each.error_code for each in answer.filter_results] == [42, 0]
    assert [each.resource_name for each in peer.request(find(), 3).resources] == ["t"]
