"""The durable facts of consumer groups, as Kafka's own records of `__consumer_offsets` (kinds 3, 5 to 8 and 16).

Kind 4 (partition metadata, written by Kafka 3.7 to 4.0 alone) is left alone: the hash in kind 3 has taken its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuraxis.broker.coordinators.group.consumer.state import (
    NEW,
    ClassicMetadata,
    ConsumerGroup,
    ConsumerMember,
    Current,
    Held,
    MemberState,
    ResolvedRegex,
    Target,
)
from neuraxis.wire import facts as records
from neuraxis.wire.facts import consumer_group as wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class EpochFact:
    """The group's epoch and the hash of its subscribed topics; None: the group is no more."""

    group_id: str
    value: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class MemberFact:
    """A member described itself; None: it is no member any more."""

    group_id: str
    member_id: str
    value: ConsumerMember | None


@dataclass(frozen=True, slots=True)
class TargetEpochFact:
    """The epoch that the target assignment was made for, and when (wall clock)."""

    group_id: str
    value: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class TargetFact:
    """What a member is to have."""

    group_id: str
    member_id: str
    value: Target | None


@dataclass(frozen=True, slots=True)
class CurrentFact:
    """What a member has."""

    group_id: str
    member_id: str
    value: Current | None


@dataclass(frozen=True, slots=True)
class RegexFact:
    """What a regular expression matched; None: nobody uses it."""

    group_id: str
    regex: str
    value: ResolvedRegex | None


ConsumerFact = EpochFact | MemberFact | TargetEpochFact | TargetFact | CurrentFact | RegexFact
Write = Callable[[ConsumerFact], None]

KEYS = {
    3: wire.ConsumerGroupMetadataKey,
    5: wire.ConsumerGroupMemberMetadataKey,
    6: wire.ConsumerGroupTargetAssignmentMetadataKey,
    7: wire.ConsumerGroupTargetAssignmentMemberKey,
    8: wire.ConsumerGroupCurrentMemberAssignmentKey,
    16: wire.ConsumerGroupRegularExpressionKey,
}


def apply(group: ConsumerGroup, fact: ConsumerFact) -> None:
    """Write one fact into the group. The end of the group itself (`EpochFact` of None) is the caller's."""
    if isinstance(fact, EpochFact):
        if fact.value is not None:
            group.epoch, group.metadata_hash = fact.value
    elif isinstance(fact, MemberFact):
        _apply_member(group, fact)
    elif isinstance(fact, TargetEpochFact):
        group.assignment_epoch, group.assigned_at_ms = fact.value or (0, 0)
    elif isinstance(fact, TargetFact):
        if fact.value is None:
            group.targets.pop(fact.member_id, None)
        else:
            group.targets[fact.member_id] = fact.value
    elif isinstance(fact, CurrentFact):
        _apply_current(group, fact)
    elif fact.value is None:
        group.regexes.pop(fact.regex, None)
    else:
        group.regexes[fact.regex] = fact.value


def _apply_member(group: ConsumerGroup, fact: MemberFact) -> None:
    old = group.members.get(fact.member_id)
    instance_id = old.instance_id if old is not None else None
    if instance_id is not None and group.static_members.get(instance_id) == fact.member_id:
        del group.static_members[instance_id]
    if fact.value is None:
        group.members.pop(fact.member_id, None)
        return
    group.members[fact.member_id] = fact.value
    if fact.value.instance_id is not None:
        group.static_members[fact.value.instance_id] = fact.member_id


def _apply_current(group: ConsumerGroup, fact: CurrentFact) -> None:
    old = group.current.get(fact.member_id, NEW)
    for held in (old.assigned, old.revoking):
        for topic_id, partitions in held.items():
            owners = group.owners.get(topic_id, {})
            for partition in partitions:
                if owners.get(partition) == fact.member_id:
                    del owners[partition]
            if not owners:
                group.owners.pop(topic_id, None)
    if fact.value is None:
        group.current.pop(fact.member_id, None)
        return
    group.current[fact.member_id] = fact.value
    for held in (fact.value.assigned, fact.value.revoking):
        for topic_id, partitions in held.items():
            owners = group.owners.setdefault(topic_id, {})
            for partition in partitions:
                owners[partition] = fact.member_id


def all_of(group_id: str, group: ConsumerGroup) -> Iterator[ConsumerFact]:
    """Facts whose fold gives the hard state of the group again."""
    yield EpochFact(group_id, (group.epoch, group.metadata_hash))
    for member_id, member in group.members.items():
        yield MemberFact(group_id, member_id, member)
    for regex, resolved in group.regexes.items():
        yield RegexFact(group_id, regex, resolved)
    for member_id, target in group.targets.items():
        yield TargetFact(group_id, member_id, target)
    yield TargetEpochFact(group_id, (group.assignment_epoch, group.assigned_at_ms))
    for member_id, current in group.current.items():
        yield CurrentFact(group_id, member_id, current)


def tombstones(group_id: str, group: ConsumerGroup) -> Iterator[ConsumerFact]:
    """Facts that remove the group; the last one ends it."""
    for member_id in group.current:
        yield CurrentFact(group_id, member_id, None)
    for member_id in group.targets:
        yield TargetFact(group_id, member_id, None)
    yield TargetEpochFact(group_id, None)
    for regex in group.regexes:
        yield RegexFact(group_id, regex, None)
    for member_id in group.members:
        yield MemberFact(group_id, member_id, None)
    yield EpochFact(group_id, None)


# ---- records -----------------------------------------------------------------------------------------------------


def encode_fact(fact: ConsumerFact) -> tuple[bytes, bytes | None]:
    """Key and value of the record that keeps the fact."""
    key: object
    value: object = None
    if isinstance(fact, EpochFact):
        key = wire.ConsumerGroupMetadataKey(fact.group_id)
        value = fact.value and wire.ConsumerGroupMetadataValue(*fact.value)
    elif isinstance(fact, MemberFact):
        key = wire.ConsumerGroupMemberMetadataKey(fact.group_id, fact.member_id)
        value = fact.value and _member_value(fact.value)
    elif isinstance(fact, TargetEpochFact):
        key = wire.ConsumerGroupTargetAssignmentMetadataKey(fact.group_id)
        value = fact.value and wire.ConsumerGroupTargetAssignmentMetadataValue(*fact.value)
    elif isinstance(fact, TargetFact):
        key = wire.ConsumerGroupTargetAssignmentMemberKey(fact.group_id, fact.member_id)
        if fact.value is not None:
            topics = [wire.TopicPartition(topic_id, list(found)) for topic_id, found in fact.value.items()]
            value = wire.ConsumerGroupTargetAssignmentMemberValue(topics)
    elif isinstance(fact, CurrentFact):
        key = wire.ConsumerGroupCurrentMemberAssignmentKey(fact.group_id, fact.member_id)
        value = fact.value and _current_value(fact.value)
    else:
        key = wire.ConsumerGroupRegularExpressionKey(fact.group_id, fact.regex)
        if fact.value is not None:
            topics_, version, timestamp_ms = fact.value
            value = wire.ConsumerGroupRegularExpressionValue(list(topics_), version, timestamp_ms)
    return records.encode_fact(key), None if value is None else records.encode_fact(value)


def _member_value(member: ConsumerMember) -> wire.ConsumerGroupMemberMetadataValue:
    classic = None
    if member.classic is not None:
        protocols = [wire.ClassicProtocol(*protocol) for protocol in member.classic.protocols]
        classic = wire.ClassicMemberMetadata(member.classic.session_timeout_ms, protocols)
    return wire.ConsumerGroupMemberMetadataValue(
        member.instance_id,
        member.rack_id,
        member.client_id,
        member.client_host,
        list(member.topic_names),
        member.topic_regex,
        member.rebalance_timeout_ms,
        member.server_assignor,
        classic,
    )


def _current_value(current: Current) -> wire.ConsumerGroupCurrentMemberAssignmentValue:
    return wire.ConsumerGroupCurrentMemberAssignmentValue(
        current.member_epoch,
        current.previous_epoch,
        int(current.state),
        _held_list(current.assigned),
        _held_list(current.revoking),
    )


def _held_list(held: Held) -> list[wire.TopicPartitions]:
    return [
        wire.TopicPartitions(topic_id, list(partitions), list(partitions.values()))
        for topic_id, partitions in held.items()
    ]


def decode_fact(key: bytes, value: bytes | None) -> ConsumerFact | None:
    """The fact of a record; None for a kind of record that is not of consumer groups."""
    kind = records.record_type(key)
    if kind not in KEYS:
        return None
    named: Any = records.decode_key(KEYS, key)  # Any: one of the classes of the table, told apart below
    group_id: str = named.group_id
    if isinstance(named, wire.ConsumerGroupMetadataKey):
        epoch = value and records.decode_fact(wire.ConsumerGroupMetadataValue, value)
        return EpochFact(group_id, (epoch.epoch, epoch.metadata_hash) if epoch else None)
    if isinstance(named, wire.ConsumerGroupMemberMetadataKey):
        member = value and records.decode_fact(wire.ConsumerGroupMemberMetadataValue, value)
        return MemberFact(group_id, named.member_id, _member(named.member_id, member) if member else None)
    if isinstance(named, wire.ConsumerGroupTargetAssignmentMetadataKey):
        made = value and records.decode_fact(wire.ConsumerGroupTargetAssignmentMetadataValue, value)
        return TargetEpochFact(group_id, (made.assignment_epoch, made.assignment_timestamp) if made else None)
    if isinstance(named, wire.ConsumerGroupTargetAssignmentMemberKey):
        target = value and records.decode_fact(wire.ConsumerGroupTargetAssignmentMemberValue, value)
        topics = (
            {item.topic_id: tuple(item.partitions) for item in target.topic_partitions} if target else None
        )
        return TargetFact(group_id, named.member_id, topics)
    if isinstance(named, wire.ConsumerGroupCurrentMemberAssignmentKey):
        current = value and records.decode_fact(wire.ConsumerGroupCurrentMemberAssignmentValue, value)
        return CurrentFact(group_id, named.member_id, _current(current) if current else None)
    assert isinstance(named, wire.ConsumerGroupRegularExpressionKey)
    resolved = value and records.decode_fact(wire.ConsumerGroupRegularExpressionValue, value)
    return RegexFact(
        group_id,
        named.regular_expression,
        ResolvedRegex(tuple(resolved.topics), resolved.version, resolved.timestamp) if resolved else None,
    )


def _member(member_id: str, stored: wire.ConsumerGroupMemberMetadataValue) -> ConsumerMember:
    classic = stored.classic_member_metadata
    return ConsumerMember(
        member_id,
        stored.instance_id,
        stored.rack_id,
        stored.client_id,
        stored.client_host,
        tuple(stored.subscribed_topic_names),
        stored.subscribed_topic_regex or "",
        stored.rebalance_timeout_ms,
        stored.server_assignor,
        None
        if classic is None
        else ClassicMetadata(
            classic.session_timeout_ms,
            tuple((protocol.name, protocol.metadata) for protocol in classic.supported_protocols),
        ),
    )


def _current(stored: wire.ConsumerGroupCurrentMemberAssignmentValue) -> Current:
    return Current(
        stored.member_epoch,
        stored.previous_member_epoch,
        MemberState(stored.state),
        _held(stored.assigned_partitions, stored.member_epoch),
        _held(stored.partitions_pending_revocation, stored.member_epoch),
    )


def _held(stored: list[wire.TopicPartitions], member_epoch: int) -> Held:
    # Records of Kafka before 4.4 say nothing of the epochs at which partitions were handed out.
    return {
        item.topic_id: dict(
            zip(item.partitions, item.assignment_epochs or [member_epoch] * len(item.partitions), strict=True)
        )
        for item in stored
    }
