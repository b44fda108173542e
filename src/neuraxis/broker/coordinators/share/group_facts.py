"""What the log keeps of share groups: Kafka's ShareGroup records, as facts. A value of None: it is no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from neuraxis.broker.coordinators.share.group import (
    STABLE,
    Current,
    KnownTopic,
    ShareGroup,
    ShareMember,
    Target,
)
from neuraxis.wire.codec import decode
from neuraxis.wire.facts import decode_fact as decode_value
from neuraxis.wire.facts import encode_fact as encode_record
from neuraxis.wire.facts import share_group as wire

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Epoch(NamedTuple):
    """A group's epoch, and the hash of its topics' metadata."""

    epoch: int
    metadata_hash: int


class TargetEpoch(NamedTuple):
    """The epoch that the target assignment was made for, and when (wall clock)."""

    epoch: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class ShareEpochFact:
    """The group has this epoch; None: it is deleted."""

    group_id: str
    value: Epoch | None


@dataclass(frozen=True, slots=True)
class ShareMemberFact:
    """A member describes itself so."""

    group_id: str
    member_id: str
    value: ShareMember | None


@dataclass(frozen=True, slots=True)
class ShareTargetEpochFact:
    """The target assignment is as of this epoch."""

    group_id: str
    value: TargetEpoch | None


@dataclass(frozen=True, slots=True)
class ShareTargetFact:
    """A member is to read this."""

    group_id: str
    member_id: str
    value: Target | None


@dataclass(frozen=True, slots=True)
class ShareCurrentFact:
    """A member reads this."""

    group_id: str
    member_id: str
    value: Current | None


@dataclass(frozen=True, slots=True)
class ShareTopicsFact:
    """The group has share partitions of these topics."""

    group_id: str
    value: dict[bytes, KnownTopic] | None


ShareGroupFact = (
    ShareEpochFact
    | ShareMemberFact
    | ShareTargetEpochFact
    | ShareTargetFact
    | ShareCurrentFact
    | ShareTopicsFact
)


def apply(group: ShareGroup, fact: ShareGroupFact) -> None:
    """Write one fact into its group. The end of a group is the owner's to carry out."""
    if isinstance(fact, ShareEpochFact):
        group.epoch, group.metadata_hash = fact.value or (0, 0)
    elif isinstance(fact, ShareTargetEpochFact):
        group.assignment_epoch, group.assigned_at_ms = fact.value or (0, 0)
    elif isinstance(fact, ShareTopicsFact):
        group.topics = dict(fact.value or {})
    elif isinstance(fact, ShareMemberFact):
        _put(group.members, fact.member_id, fact.value)
    elif isinstance(fact, ShareTargetFact):
        _put(group.targets, fact.member_id, fact.value)
    else:
        _put(group.current, fact.member_id, fact.value)


def _put(kept: dict[str, T], name: str, value: T | None) -> None:
    if value is None:
        kept.pop(name, None)
    else:
        kept[name] = value


def differences(group_id: str, before: ShareGroup, after: ShareGroup) -> list[ShareGroupFact]:
    """The facts that make `after` of `before`, both of one group."""
    facts: list[ShareGroupFact] = []
    for member_id in sorted(before.members.keys() | after.members.keys()):
        if before.members.get(member_id) != after.members.get(member_id):
            facts.append(ShareMemberFact(group_id, member_id, after.members.get(member_id)))
    if (before.epoch, before.metadata_hash) != (after.epoch, after.metadata_hash):
        facts.append(ShareEpochFact(group_id, Epoch(after.epoch, after.metadata_hash)))
    if before.topics != after.topics:
        facts.append(ShareTopicsFact(group_id, after.topics))
    for member_id in sorted(before.targets.keys() | after.targets.keys()):
        if before.targets.get(member_id) != after.targets.get(member_id):
            facts.append(ShareTargetFact(group_id, member_id, after.targets.get(member_id)))
    if (before.assignment_epoch, before.assigned_at_ms) != (after.assignment_epoch, after.assigned_at_ms):
        facts.append(
            ShareTargetEpochFact(group_id, TargetEpoch(after.assignment_epoch, after.assigned_at_ms))
        )
    for member_id in sorted(before.current.keys() | after.current.keys()):
        if before.current.get(member_id) != after.current.get(member_id):
            facts.append(ShareCurrentFact(group_id, member_id, after.current.get(member_id)))
    return facts


def all_of(group_id: str, group: ShareGroup) -> Iterator[ShareGroupFact]:
    """Facts whose fold gives the group again."""
    yield from differences(group_id, ShareGroup(epoch=-1), group)


def tombstones(group_id: str, group: ShareGroup) -> Iterator[ShareGroupFact]:
    """Facts that remove the group; the last one ends it."""
    for member_id in group.current:
        yield ShareCurrentFact(group_id, member_id, None)
    for member_id in group.targets:
        yield ShareTargetFact(group_id, member_id, None)
    for member_id in group.members:
        yield ShareMemberFact(group_id, member_id, None)
    yield ShareTargetEpochFact(group_id, None)
    yield ShareTopicsFact(group_id, None)
    yield ShareEpochFact(group_id, None)


# ---- records ---------------------------------------------------------------------------------------------------


def encode_fact(fact: ShareGroupFact) -> tuple[bytes, bytes | None]:
    """Key and value of the record that keeps the fact."""
    key: object
    value: object
    if isinstance(fact, ShareEpochFact):
        key = wire.ShareGroupMetadataKey(fact.group_id)
        value = fact.value and wire.ShareGroupMetadataValue(*fact.value)
    elif isinstance(fact, ShareMemberFact):
        key = wire.ShareGroupMemberMetadataKey(fact.group_id, fact.member_id)
        value = fact.value and _member_value(fact.value)
    elif isinstance(fact, ShareTargetEpochFact):
        key = wire.ShareGroupTargetAssignmentMetadataKey(fact.group_id)
        value = fact.value and wire.ShareGroupTargetAssignmentMetadataValue(*fact.value)
    elif isinstance(fact, ShareTargetFact):
        key = wire.ShareGroupTargetAssignmentMemberKey(fact.group_id, fact.member_id)
        target = fact.value
        value = (
            None
            if target is None
            else wire.ShareGroupTargetAssignmentMemberValue(
                [wire.TopicPartition(topic_id, list(found)) for topic_id, found in target.items()]
            )
        )
    elif isinstance(fact, ShareCurrentFact):
        key = wire.ShareGroupCurrentMemberAssignmentKey(fact.group_id, fact.member_id)
        value = fact.value and _current_value(fact.value)
    else:
        key = wire.ShareGroupStatePartitionMetadataKey(fact.group_id)
        topics = fact.value
        value = (
            None
            if topics is None
            else wire.ShareGroupStatePartitionMetadataValue(
                initialized_topics=[
                    wire.TopicPartitionsInfo(topic_id, topic.name, list(topic.partitions))
                    for topic_id, topic in topics.items()
                ]
            )
        )
    return encode_record(key), None if value is None else encode_record(value)


def _member_value(member: ShareMember) -> wire.ShareGroupMemberMetadataValue:
    return wire.ShareGroupMemberMetadataValue(
        member.rack_id, member.client_id, member.client_host, list(member.topic_names)
    )


def _current_value(current: Current) -> wire.ShareGroupCurrentMemberAssignmentValue:
    return wire.ShareGroupCurrentMemberAssignmentValue(
        current.member_epoch,
        current.previous_epoch,
        STABLE,
        [wire.TopicPartitions(topic_id, list(found)) for topic_id, found in current.assigned.items()],
    )


def decode_fact(key: bytes, value: bytes | None) -> ShareGroupFact | None:
    """The fact of a record; None for a kind of record that is not of share groups."""
    kind = int.from_bytes(key[:2], "big", signed=True)
    match kind:
        case 10:
            member = decode(wire.ShareGroupMemberMetadataKey, 0, key, 2)[0]
            return ShareMemberFact(member.group_id, member.member_id, _read_member(value))
        case 11:
            group_id = decode(wire.ShareGroupMetadataKey, 0, key, 2)[0].group_id
            if value is None:
                return ShareEpochFact(group_id, None)
            epoch = decode_value(wire.ShareGroupMetadataValue, value)
            return ShareEpochFact(group_id, Epoch(epoch.epoch, epoch.metadata_hash))
        case 12:
            group_id = decode(wire.ShareGroupTargetAssignmentMetadataKey, 0, key, 2)[0].group_id
            if value is None:
                return ShareTargetEpochFact(group_id, None)
            made = decode_value(wire.ShareGroupTargetAssignmentMetadataValue, value)
            return ShareTargetEpochFact(
                group_id, TargetEpoch(made.assignment_epoch, made.assignment_timestamp)
            )
        case 13:
            target = decode(wire.ShareGroupTargetAssignmentMemberKey, 0, key, 2)[0]
            return ShareTargetFact(target.group_id, target.member_id, _read_target(value))
        case 14:
            named = decode(wire.ShareGroupCurrentMemberAssignmentKey, 0, key, 2)[0]
            return ShareCurrentFact(named.group_id, named.member_id, _read_current(value))
        case 15:
            group_id = decode(wire.ShareGroupStatePartitionMetadataKey, 0, key, 2)[0].group_id
            return ShareTopicsFact(group_id, _read_topics(value))
    return None


def _read_member(value: bytes | None) -> ShareMember | None:
    if value is None:
        return None
    found = decode_value(wire.ShareGroupMemberMetadataValue, value)
    return ShareMember(found.rack_id, found.client_id, found.client_host, tuple(found.subscribed_topic_names))


def _read_target(value: bytes | None) -> Target | None:
    if value is None:
        return None
    found = decode_value(wire.ShareGroupTargetAssignmentMemberValue, value)
    return {topic.topic_id: tuple(topic.partitions) for topic in found.topic_partitions}


def _read_current(value: bytes | None) -> Current | None:
    if value is None:
        return None
    found = decode_value(wire.ShareGroupCurrentMemberAssignmentValue, value)
    assigned = {topic.topic_id: tuple(topic.partitions) for topic in found.assigned_partitions}
    return Current(found.member_epoch, found.previous_member_epoch, assigned)


def _read_topics(value: bytes | None) -> dict[bytes, KnownTopic] | None:
    """What is being initialised counts as initialised: here a share partition begins with its first fetch."""
    if value is None:
        return None
    found = decode_value(wire.ShareGroupStatePartitionMetadataValue, value)
    topics: dict[bytes, KnownTopic] = {}
    for topic in (*found.initialized_topics, *found.initializing_topics):
        known = topics.get(topic.topic_id, KnownTopic(topic.topic_name, ()))
        partitions = tuple(sorted({*known.partitions, *topic.partitions}))
        topics[topic.topic_id] = KnownTopic(topic.topic_name, partitions)
    return topics
