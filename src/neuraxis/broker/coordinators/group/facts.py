"""What the group coordinator keeps: its durable facts, and their form as records of `__consumer_offsets` (Kafka's own)."""

from __future__ import annotations

from dataclasses import dataclass

from neuraxis.broker.coordinators.group.consumer import facts as consumer
from neuraxis.broker.coordinators.streams import records as streams
from neuraxis.broker.coordinators.streams.facts import StreamsFact
from neuraxis.wire.codec import decode, encode
from neuraxis.wire.facts.group_metadata import GroupMetadataKey, GroupMetadataValue, MemberMetadata
from neuraxis.wire.facts.offset_commit import OffsetCommitKey, OffsetCommitValue
from neuraxis.wire.schema import ZERO_UUID, schema_of

OFFSET_KEY = 1
LEGACY_OFFSET_KEY = 0
METADATA_KEY = 2


@dataclass(frozen=True, slots=True)
class CommittedOffset:
    """A stored position. `expire_timestamp_ms` is set only by clients that ask for a retention of their own (v2-4)."""

    offset: int
    leader_epoch: int
    metadata: str
    commit_timestamp_ms: int
    expire_timestamp_ms: int | None = None
    topic_id: bytes = ZERO_UUID


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A member as the log keeps it: only the metadata of the chosen protocol."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    subscription: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True)
class GroupMetadata:
    """A generation of a group as the log keeps it. No members: the group is Empty, since `state_timestamp_ms`."""

    protocol_type: str
    generation_id: int
    protocol_name: str | None
    leader: str | None
    state_timestamp_ms: int
    members: tuple[StoredMember, ...] = ()


@dataclass(frozen=True, slots=True)
class OffsetFact:
    """The position of a group in a partition is this; None: there is none."""

    group_id: str
    topic: str
    partition: int
    committed: CommittedOffset | None


@dataclass(frozen=True, slots=True)
class MetadataFact:
    """The generation of a group is this; None: the group is deleted."""

    group_id: str
    metadata: GroupMetadata | None


Fact = OffsetFact | MetadataFact | consumer.ConsumerFact | StreamsFact


def encode_fact(fact: Fact) -> tuple[bytes, bytes | None]:
    """Key and value of the record that keeps the fact; each begins with the version of its form, as in Kafka."""
    if isinstance(fact, OffsetFact):
        key = b"\x00\x01" + encode(OffsetCommitKey(fact.group_id, fact.topic, fact.partition), 0)
        return key, None if fact.committed is None else _offset_value(fact.committed)
    if isinstance(fact, StreamsFact):
        return streams.encode_fact(fact)
    if not isinstance(fact, MetadataFact):
        return consumer.encode_fact(fact)
    key = b"\x00\x02" + encode(GroupMetadataKey(fact.group_id), 0)
    return key, None if fact.metadata is None else _metadata_value(fact.metadata)


def decode_fact(key: bytes, value: bytes | None) -> Fact | None:
    """The fact of a record; None for a kind of record that this release leaves alone."""
    kind = int.from_bytes(key[:2], "big", signed=True)
    if kind in (OFFSET_KEY, LEGACY_OFFSET_KEY):
        named = decode(OffsetCommitKey, 0, key, 2)[0]
        committed = None if value is None else _read_offset(value)
        return OffsetFact(named.group, named.topic, named.partition, committed)
    if kind == METADATA_KEY:
        group_id = decode(GroupMetadataKey, 0, key, 2)[0].group
        return MetadataFact(group_id, None if value is None else _read_metadata(value))
    found = consumer.decode_fact(key, value)
    return streams.decode_fact(key, value) if found is None else found


def _offset_value(committed: CommittedOffset) -> bytes:
    # The oldest form that holds everything, as Kafka does: a retention of its own exists in version 1 only, a topic id
    # from version 4 on.
    expires = committed.expire_timestamp_ms
    value = OffsetCommitValue(
        committed.offset,
        committed.leader_epoch,
        committed.metadata,
        committed.commit_timestamp_ms,
        -1 if expires is None else expires,
        committed.topic_id,
    )
    version = 1 if expires is not None else 3 if committed.topic_id == ZERO_UUID else 4
    return version.to_bytes(2, "big") + encode(value, version)


def _read_offset(value: bytes) -> CommittedOffset:
    version = _version(value, OffsetCommitValue)
    stored = decode(OffsetCommitValue, version, value, 2)[0]
    return CommittedOffset(
        stored.offset,
        stored.leader_epoch,
        stored.metadata,
        stored.commit_timestamp,
        None if stored.expire_timestamp < 0 else stored.expire_timestamp,
        stored.topic_id,
    )


def _metadata_value(metadata: GroupMetadata) -> bytes:
    members = [
        MemberMetadata(
            member.member_id,
            member.group_instance_id,
            member.client_id,
            member.client_host,
            member.rebalance_timeout_ms,
            member.session_timeout_ms,
            member.subscription,
            member.assignment,
        )
        for member in metadata.members
    ]
    value = GroupMetadataValue(
        metadata.protocol_type,
        metadata.generation_id,
        metadata.protocol_name,
        metadata.leader,
        metadata.state_timestamp_ms,
        members,
    )
    return b"\x00\x03" + encode(value, 3)


def _read_metadata(value: bytes) -> GroupMetadata:
    version = _version(value, GroupMetadataValue)
    stored = decode(GroupMetadataValue, version, value, 2)[0]
    members = tuple(
        StoredMember(
            member.member_id,
            member.group_instance_id,
            member.client_id,
            member.client_host,
            member.rebalance_timeout if member.rebalance_timeout >= 0 else member.session_timeout,
            member.session_timeout,
            member.subscription,
            member.assignment,
        )
        for member in stored.members
    )
    return GroupMetadata(
        stored.protocol_type,
        stored.generation,
        stored.protocol,
        stored.leader,
        stored.current_state_timestamp,
        members,
    )


def _version(value: bytes, cls: type) -> int:
    version = int.from_bytes(value[:2], "big", signed=True)
    if version not in schema_of(cls).versions:
        raise ValueError(f"{cls.__name__} version {version} is newer than this release understands")
    return version
