"""The commands of the group coordinator, one for each thing a client can ask. `token` names the call to be answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JoinGroup:
    """Enter a group or its next generation. `unique` is a random text (a UUID) for the id of a new member."""

    token: int
    api_version: int
    group_id: str
    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: tuple[tuple[str, bytes], ...]
    unique: str


@dataclass(frozen=True, slots=True)
class SyncGroup:
    """Hand in (the leader) or wait for (everybody else) the assignment of a generation."""

    token: int
    api_version: int
    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None
    protocol_type: str | None
    protocol_name: str | None
    assignments: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A member lives."""

    token: int
    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None


@dataclass(frozen=True, slots=True)
class LeaveGroup:
    """Members leave, each by (member id, instance id); an empty member id removes whoever holds the instance id."""

    token: int
    api_version: int
    group_id: str
    members: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class PartitionCommit:
    """A position to be stored."""

    partition: int
    offset: int
    leader_epoch: int
    metadata: str | None


@dataclass(frozen=True, slots=True)
class TopicCommit:
    """Positions in one topic; `name` is None when the request named an id that no topic has."""

    name: str | None
    topic_id: bytes
    partitions: tuple[PartitionCommit, ...]


@dataclass(frozen=True, slots=True)
class CommitOffsets:
    """Store positions. A negative generation is a client that manages its partitions itself."""

    token: int
    api_version: int
    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None
    retention_time_ms: int
    topics: tuple[TopicCommit, ...]


@dataclass(frozen=True, slots=True)
class DeleteOffsets:
    """Forget positions: (topic, partitions)."""

    token: int
    group_id: str
    topics: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    """Delete an empty group with its positions. Refused with 68 or 69; the body of the answer is None."""

    token: int
    group_id: str


@dataclass(frozen=True, slots=True)
class ForgetTopic:
    """A topic was deleted: forget all positions in it. For nobody; `token` names no call.

    `pending`: (group, partition) of positions that open transactions have written.
    """

    topic: str
    pending: tuple[tuple[str, int], ...] = ()
    token: int = 0


Command = (
    JoinGroup | SyncGroup | Heartbeat | LeaveGroup | CommitOffsets | DeleteOffsets | DeleteGroup | ForgetTopic
)
