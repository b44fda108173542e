"""Members of classic groups as the handler tests need them: requests with sensible defaults over a `CoreHarness`."""

from __future__ import annotations

from typing import Any

from neuraxis.wire.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from neuraxis.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from neuraxis.wire.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
)
from neuraxis.wire.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment
from tests.broker.harness import CoreHarness, Peer

JOIN, SYNC, COMMIT = 9, 5, 9
"""The newest versions, those of commits by topic name."""

SUBSCRIPTION = b"\0\0\0\0\0\1\0\5drive\xff\xff\xff\xff"


def broker(**options: Any) -> tuple[CoreHarness, Peer]:
    """A broker with the topic `drive` of two partitions, and a connection."""
    harness = CoreHarness(**options)
    harness.create_topic("drive", partitions=2)
    return harness, harness.connect()


def join(member: str = "", group: str = "g", **fields: Any) -> JoinGroupRequest:
    protocols = fields.pop("protocols", [JoinGroupRequestProtocol("range", SUBSCRIPTION)])
    defaults: dict[str, Any] = {
        "session_timeout_ms": 10_000,
        "rebalance_timeout_ms": 60_000,
        "protocol_type": "consumer",
    }
    return JoinGroupRequest(group_id=group, member_id=member, protocols=protocols, **(defaults | fields))


def sync(
    generation: int, member: str, shares: dict[str, bytes] | None = None, **fields: Any
) -> SyncGroupRequest:
    assignments = [SyncGroupRequestAssignment(name, share) for name, share in (shares or {}).items()]
    defaults: dict[str, Any] = {"group_id": "g", "protocol_type": "consumer", "protocol_name": "range"}
    return SyncGroupRequest(
        generation_id=generation, member_id=member, assignments=assignments, **(defaults | fields)
    )


def stable(peer: Peer, group: str = "g", **fields: Any) -> tuple[str, int]:
    """One member alone in a stable group with the share b"all": its id and generation."""
    if "group_instance_id" in fields:
        member = ""
    else:
        member = peer.request(join(group=group, **fields), JOIN).member_id
    answer = peer.request(join(member, group, **fields), JOIN)
    assert answer.error_code == 0
    shares = {answer.member_id: b"all"}
    done = peer.request(sync(answer.generation_id, answer.member_id, shares, group_id=group), SYNC)
    assert done.assignment == b"all"
    return answer.member_id, answer.generation_id


def commit(
    offsets: dict[tuple[str, int], int], group: str = "g", metadata: str | None = "", **fields: Any
) -> OffsetCommitRequest:
    topics = [
        OffsetCommitRequestTopic(
            name=topic,
            topic_id=fields.pop("topic_id", bytes(16)),
            partitions=[OffsetCommitRequestPartition(partition, offset, 3, metadata)],
        )
        for (topic, partition), offset in offsets.items()
    ]
    return OffsetCommitRequest(group_id=group, topics=topics, **fields)


def commit_codes(answer: Any) -> list[int]:
    return [partition.error_code for topic in answer.topics for partition in topic.partitions]


def stored(peer: Peer, group: str = "g", topic: str = "drive", partition: int = 0) -> int:
    """The stored position, asked for by name."""
    asked = OffsetFetchRequestGroup(group, topics=[OffsetFetchRequestTopics(topic, bytes(16), [partition])])
    (found,) = peer.request(OffsetFetchRequest(groups=[asked]), 9).groups
    return int(found.topics[0].partitions[0].committed_offset)
