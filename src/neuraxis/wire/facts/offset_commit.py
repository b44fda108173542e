"""Stored positions of groups, in __consumer_offsets."""

from __future__ import annotations

from neuraxis.wire.schema import int32, int64, message, string, uuid


@message(key=1, valid="0", kind="coordinator-key")
class OffsetCommitKey:
    group: str = string()
    topic: str = string()
    partition: int = int32()


@message(key=1, valid="0-4", flexible="4+", kind="coordinator-value")
class OffsetCommitValue:
    offset: int = int64()
    leader_epoch: int = int32("3+", default=-1)
    metadata: str = string()
    commit_timestamp: int = int64()
    expire_timestamp: int = int64("1", default=-1)
    topic_id: bytes = uuid("4+", tag=0)


@message(key=0, valid="0", kind="coordinator-key")
class LegacyOffsetCommitKey:
    group: str = string()
    topic: str = string()
    partition: int = int32()


@message(key=0, valid="0", kind="coordinator-value")
class LegacyOffsetCommitValue:
    offset: int = int64()
    metadata: str = string()
    commit_timestamp: int = int64()
