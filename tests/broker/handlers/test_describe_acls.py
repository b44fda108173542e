from __future__ import annotations

from neuraxis.wire.messages.describe_acls import DescribeAclsRequest
from tests.broker.scripts.replay import assert_kafkas_answers

UNKNOWN = (42, "Kafka closes the connection; an answer tells the client what is wrong")


def test_filters_find_what_they_find_on_kafka() -> None:
    names = ("operation 0", "permission 0", "resource 0", "pattern 0", "unknown of all kinds")
    assert_kafkas_answers("acls", DescribeAclsRequest, different={f"find: {name}": UNKNOWN for name in names})


def test_without_an_authoriser_there_are_no_access_rules() -> None:
    assert_kafkas_answers("acls_off", DescribeAclsRequest, different={"find: bad": (54, UNKNOWN[1])})
