"""ShareGroupDescribe: groups that are there, are not, or are of another kind."""

from __future__ import annotations

from neuraxis.broker.handlers.describe_groups import ALL_OPERATIONS
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.share_group_describe import ShareGroupDescribeRequest
from tests.broker.harness import CoreHarness
from tests.broker.sharing import Member


def test_each_group_has_its_own_answer() -> None:
    broker = CoreHarness("os")
    broker.create_topic("t")
    Member(broker, "m")
    request = ShareGroupDescribeRequest(["g", "missing", ""], include_authorized_operations=True)
    found, missing, unnamed = broker.connect().request(request, 1).groups
    assert (found.error_code, found.group_state, found.assignor_name) == (0, "Stable", "simple")
    assert found.authorized_operations == ALL_OPERATIONS
    assert (missing.error_code, missing.group_id) == (ErrorCode.GROUP_ID_NOT_FOUND, "missing")
    assert unnamed.error_code == ErrorCode.INVALID_GROUP_ID
