"""What the log keeps of streams groups: Kafka's StreamsGroup records, as facts. A value of None: it is no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from neuraxis.broker.coordinators.streams.state import Current, Duties, StreamsGroup, StreamsMember
from neuraxis.broker.coordinators.streams.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Epoch(NamedTuple):
    """A group's epoch, and what it was raised for last."""

    epoch: int
    metadata_hash: int
    validated_epoch: int
    standby_replicas: int | None


class TargetEpoch(NamedTuple):
    """The epoch that the target assignment was made for, and when (wall clock)."""

    epoch: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class StreamsEpochFact:
    """The group has this epoch; None: it is deleted."""

    group_id: str
    value: Epoch | None


@dataclass(frozen=True, slots=True)
class StreamsMemberFact:
    """A member describes itself so."""

    group_id: str
    member_id: str
    value: StreamsMember | None


@dataclass(frozen=True, slots=True)
class StreamsTargetEpochFact:
    """The target assignment is as of this epoch."""

    group_id: str
    value: TargetEpoch | None


@dataclass(frozen=True, slots=True)
class StreamsTargetFact:
    """A member is to do this."""

    group_id: str
    member_id: str
    value: Duties | None


@dataclass(frozen=True, slots=True)
class StreamsCurrentFact:
    """A member does this."""

    group_id: str
    member_id: str
    value: Current | None


@dataclass(frozen=True, slots=True)
class StreamsTopologyFact:
    """The group's topology is this."""

    group_id: str
    value: Topology | None


StreamsFact = (
    StreamsEpochFact
    | StreamsMemberFact
    | StreamsTargetEpochFact
    | StreamsTargetFact
    | StreamsCurrentFact
    | StreamsTopologyFact
)


def apply(group: StreamsGroup, fact: StreamsFact) -> None:
    """Write one fact into its group. The end of a group is the owner's to carry out."""
    if isinstance(fact, StreamsEpochFact):
        found = fact.value or Epoch(0, 0, -1, None)
        group.epoch, group.metadata_hash, group.validated_epoch, group.standby_replicas = found
    elif isinstance(fact, StreamsTargetEpochFact):
        group.assignment_epoch, group.assigned_at_ms = fact.value or (0, 0)
    elif isinstance(fact, StreamsTopologyFact):
        group.topology = fact.value
        group.configured = group.checked = None
    elif isinstance(fact, StreamsMemberFact):
        _apply_member(group, fact)
    elif isinstance(fact, StreamsTargetFact):
        _put(group.targets, fact.member_id, fact.value)
    else:
        _put(group.current, fact.member_id, fact.value)


def _apply_member(group: StreamsGroup, fact: StreamsMemberFact) -> None:
    before = group.members.get(fact.member_id)
    instance_id = None if before is None else before.instance_id
    if instance_id is not None and group.static_members.get(instance_id) == fact.member_id:
        del group.static_members[instance_id]
    if fact.value is None:
        group.progress.pop(fact.member_id, None)
    elif fact.value.instance_id is not None:
        group.static_members[fact.value.instance_id] = fact.member_id
    _put(group.members, fact.member_id, fact.value)


def _put(kept: dict[str, T], name: str, value: T | None) -> None:
    if value is None:
        kept.pop(name, None)
    else:
        kept[name] = value


def differences(group_id: str, before: StreamsGroup, after: StreamsGroup) -> list[StreamsFact]:
    """The facts that make the second group of the first."""
    facts: list[StreamsFact] = []
    for member_id in sorted(before.members.keys() | after.members.keys()):
        if before.members.get(member_id) != after.members.get(member_id):
            facts.append(StreamsMemberFact(group_id, member_id, after.members.get(member_id)))
    if before.topology != after.topology:
        facts.append(StreamsTopologyFact(group_id, after.topology))
    if _epoch(before) != _epoch(after):
        facts.append(StreamsEpochFact(group_id, _epoch(after)))
    for member_id in sorted(before.targets.keys() | after.targets.keys()):
        if before.targets.get(member_id) != after.targets.get(member_id):
            facts.append(StreamsTargetFact(group_id, member_id, after.targets.get(member_id)))
    made = TargetEpoch(after.assignment_epoch, after.assigned_at_ms)
    if (before.assignment_epoch, before.assigned_at_ms) != made:
        facts.append(StreamsTargetEpochFact(group_id, made))
    for member_id in sorted(before.current.keys() | after.current.keys()):
        if before.current.get(member_id) != after.current.get(member_id):
            facts.append(StreamsCurrentFact(group_id, member_id, after.current.get(member_id)))
    return facts


def _epoch(group: StreamsGroup) -> Epoch:
    return Epoch(group.epoch, group.metadata_hash, group.validated_epoch, group.standby_replicas)


def all_of(group_id: str, group: StreamsGroup) -> Iterator[StreamsFact]:
    """Facts whose fold gives the group again."""
    yield from differences(group_id, StreamsGroup(epoch=-1), group)


def tombstones(group_id: str, group: StreamsGroup) -> Iterator[StreamsFact]:
    """Facts that remove the group; the last one ends it."""
    for member_id in group.current:
        yield StreamsCurrentFact(group_id, member_id, None)
    for member_id in group.targets:
        yield StreamsTargetFact(group_id, member_id, None)
    for member_id in group.members:
        yield StreamsMemberFact(group_id, member_id, None)
    yield StreamsTargetEpochFact(group_id, None)
    yield StreamsTopologyFact(group_id, None)
    yield StreamsEpochFact(group_id, None)
