"""StreamsGroupDescribe: groups that are there, are not, or are of another kind."""

from __future__ import annotations

from neuraxis.broker.handlers.describe_groups import ALL_OPERATIONS
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.streams_group_describe import StreamsGroupDescribeRequest
from tests.broker import streams_script as script
from tests.broker.harness import CoreHarness


def test_each_group_has_its_own_answer() -> None:
    broker = CoreHarness("os", **script.SETTINGS)
    broker.create_topic("in2", partitions=2)
    peer = broker.connect()
    peer.request(script.beat("g", "a", 0, script.PLAIN), 1)
    request = StreamsGroupDescribeRequest(["g", "missing", ""], True, True)
    found, missing, unnamed = peer.request(request, 1).groups
    assert (found.error_code, found.group_state, found.assignor_name) == (0, "Stable", "sticky")
    assert (found.authorized_operations, found.topology_description_status) == (ALL_OPERATIONS, 1)
    assert (missing.error_code, missing.group_id) == (ErrorCode.GROUP_ID_NOT_FOUND, "missing")
    assert unnamed.error_code == ErrorCode.INVALID_GROUP_ID
