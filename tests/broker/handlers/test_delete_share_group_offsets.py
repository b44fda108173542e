"""DeleteShareGroupOffsets: a group without members forgets topics."""

from __future__ import annotations

from typing import Any

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import delete_share_group_offsets as do
from tests.broker.harness import CoreHarness, batch_of
from tests.broker.sharing import Member, acquired, set_config


def delete(broker: CoreHarness, group: str, *topics: str) -> Any:
    asked = [do.DeleteShareGroupOffsetsRequestTopic(name) for name in topics]
    return broker.connect().request(do.DeleteShareGroupOffsetsRequest(group, asked), 0)


def test_a_topic_is_forgotten_and_read_anew() -> None:
    broker = CoreHarness("os")
    broker.create_topic("t")
    broker.create_topic("other")
    set_config(broker, "g", share_auto_offset_reset="earliest")
    broker.connect().produce("t", batch_of(b"a", b"b"))
    member = Member(broker, "m")
    member.fetch()
    member.acknowledge((0, 1, 1))
    assert delete(broker, "g", "t").error_code == ErrorCode.NON_EMPTY_GROUP
    member.leave()
    forgotten, other, nowhere = delete(broker, "g", "t", "other", "nowhere").responses
    assert (forgotten.error_code, forgotten.topic_id) == (0, member.topic_id)
    assert (other.error_code, other.topic_id) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, bytes(16))
    assert nowhere.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert acquired(Member(broker, "n").fetch()) == [(0, 1, 1)]


def test_a_group_must_be_there() -> None:
    assert delete(CoreHarness("os"), "none", "t").error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert delete(CoreHarness("os"), "", "t").error_code == ErrorCode.INVALID_GROUP_ID
