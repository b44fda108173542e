"""Committed offsets: OffsetCommit, OffsetDelete, DeleteGroups and the removal of what a deleted topic leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer import commits
from neuraxis.broker.coordinators.group.consumer import facts as consumer_facts
from neuraxis.broker.coordinators.group.facts import CommittedOffset, Fact, MetadataFact, OffsetFact
from neuraxis.broker.coordinators.group.join import validate_member
from neuraxis.broker.coordinators.group.members import extended
from neuraxis.broker.coordinators.group.settings import MAX_GROUPS
from neuraxis.broker.coordinators.group.state import Group, GroupState, Membership, Phase, membership_of
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.streams import commits as streams_commits
from neuraxis.broker.coordinators.streams import facts as streams_facts
from neuraxis.wire import codec
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.consumer_protocol import ConsumerProtocolSubscription
from neuraxis.wire.messages.offset_commit import (
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)
from neuraxis.wire.messages.offset_delete import (
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neuraxis.broker.coordinators.group.commands import (
        CommitOffsets,
        DeleteGroup,
        DeleteOffsets,
        ForgetTopic,
        PartitionCommit,
        TopicCommit,
    )
    from neuraxis.broker.coordinators.group.notes import Note
    from neuraxis.broker.coordinators.group.settings import GroupSettings
    from neuraxis.broker.work import Now

    PartitionExists = Callable[[str, int], bool]

CONSUMER_PROTOCOL_TYPE = "consumer"
GROUP_MISSING_CODE_FROM = 9
"""OffsetCommit says GROUP_ID_NOT_FOUND from this version on; older clients understand ILLEGAL_GENERATION."""


def commit(
    state: GroupState, settings: GroupSettings, exists: PartitionExists, command: CommitOffsets, now: Now
) -> Outcome[Fact | Note]:
    """Decide an OffsetCommit: what exists and fits is stored, each partition has its own code."""
    group = state.groups.get(command.group_id)
    membership = membership_of(group)
    refused = _validate_commit(state, group, membership, command)
    records: list[Fact] = []
    topics = []
    for topic in command.topics:
        partitions = []
        for partition in topic.partitions:
            code = partition_code(settings, exists, topic, partition) if refused is None else refused
            if refused is not None:
                code = existence(exists, topic, partition) or refused
            if code is ErrorCode.NONE and _is_stale(group, command, topic, partition):
                code = ErrorCode.STALE_MEMBER_EPOCH
            if code is ErrorCode.NONE:
                records.append(_fact(command, topic, partition, now))
            partitions.append(OffsetCommitResponsePartition(partition.partition, code))
        topics.append(OffsetCommitResponseTopic(topic.name or "", topic.topic_id, partitions))
    notes: tuple[Note, ...] = ()
    alive = membership.phase in (Phase.STABLE, Phase.PREPARING_REBALANCE)
    if refused is None and alive and command.member_id in membership.members:
        notes = (extended(membership, command.group_id, command.member_id, now),)
    return Outcome(tuple(records), notes, (Reply(command.token, OffsetCommitResponse(topics=topics)),))


def _validate_commit(
    state: GroupState, group: Group | None, membership: Membership, command: CommitOffsets
) -> ErrorCode | None:
    generation_id, member_id = command.generation_id, command.member_id
    if group is None:
        if generation_id >= 0:
            new = command.api_version >= GROUP_MISSING_CODE_FROM
            return ErrorCode.GROUP_ID_NOT_FOUND if new else ErrorCode.ILLEGAL_GENERATION
        return ErrorCode.POLICY_VIOLATION if len(state.groups) >= MAX_GROUPS else None
    if group.consumer is not None:
        return commits.check_commit(group.consumer, member_id, generation_id, command.api_version)
    if group.streams is not None:
        return streams_commits.check_commit(group.streams, member_id, generation_id, command.api_version)
    if generation_id < 0 and membership.phase is Phase.EMPTY:
        return None  # a client that manages its partitions itself, or an administrator
    if generation_id < 0 and not member_id and command.group_instance_id is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    code = validate_member(membership, member_id, command.group_instance_id)
    if code is not None:
        return code
    if generation_id != membership.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    return ErrorCode.REBALANCE_IN_PROGRESS if membership.phase is Phase.COMPLETING_REBALANCE else None


def _is_stale(
    group: Group | None, command: CommitOffsets, topic: TopicCommit, partition: PartitionCommit
) -> bool:
    member_id, epoch = command.member_id, command.generation_id
    if group is None:
        return False
    if group.streams is not None and group.streams.members:
        return streams_commits.is_stale(group.streams, member_id, epoch, topic.name, partition.partition)
    if group.consumer is None or not group.consumer.members:
        return False
    return commits.is_stale(group.consumer, member_id, epoch, topic.topic_id, partition.partition)


def existence(exists: PartitionExists, topic: TopicCommit, partition: PartitionCommit) -> ErrorCode:
    """100 for an unknown topic id, 3 for an unknown topic or partition, else 0."""
    if topic.name is None:
        return ErrorCode.UNKNOWN_TOPIC_ID
    if not exists(topic.name, partition.partition):
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return ErrorCode.NONE


def partition_code(
    settings: GroupSettings, exists: PartitionExists, topic: TopicCommit, partition: PartitionCommit
) -> ErrorCode:
    """What is wrong with a position, whoever commits it; 0: nothing."""
    code = existence(exists, topic, partition)
    if code is ErrorCode.NONE and len(partition.metadata or "") > settings.offset_metadata_max_bytes:
        return ErrorCode.OFFSET_METADATA_TOO_LARGE  # counted in characters, as Kafka does
    return code


def _fact(command: CommitOffsets, topic: TopicCommit, partition: PartitionCommit, now: Now) -> OffsetFact:
    assert topic.name is not None
    position, epoch, metadata = partition.offset, partition.leader_epoch, partition.metadata or ""
    if command.retention_time_ms < 0:
        committed = CommittedOffset(position, epoch, metadata, now.wall_ms, None, topic.topic_id)
    else:
        # The form of record that keeps a retention has no place for leader epoch and topic id.
        expires_ms = now.wall_ms + command.retention_time_ms
        committed = CommittedOffset(position, -1, metadata, now.wall_ms, expires_ms)
    return OffsetFact(command.group_id, topic.name, partition.partition, committed)


def delete_offsets(
    state: GroupState, exists: PartitionExists, command: DeleteOffsets
) -> Outcome[Fact | Note]:
    """Decide an OffsetDelete."""
    group = state.groups.get(command.group_id)
    membership = membership_of(group)
    code = None
    if not command.group_id:
        code = ErrorCode.INVALID_GROUP_ID
    elif group is None:
        code = ErrorCode.GROUP_ID_NOT_FOUND
    elif (
        group.consumer is None
        and group.streams is None
        and membership.phase is not Phase.EMPTY
        and membership.protocol_type != CONSUMER_PROTOCOL_TYPE
    ):
        code = ErrorCode.NON_EMPTY_GROUP
    if code is not None or group is None:
        return Outcome(replies=(Reply(command.token, OffsetDeleteResponse(error_code=code or 0)),))
    subscribed = topics_in_use(group)
    records: list[Fact] = []
    topics = []
    for name, partitions in command.topics:
        stored = group.offsets.get(name, {})
        results = []
        for partition in partitions:
            if not exists(name, partition):
                code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            elif subscribed is None or name in subscribed:
                code = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
            else:
                code = ErrorCode.NONE
                if partition in stored:
                    records.append(OffsetFact(command.group_id, name, partition, None))
            results.append(OffsetDeleteResponsePartition(partition, code))
        topics.append(OffsetDeleteResponseTopic(name, results))
    return Outcome(tuple(records), (), (Reply(command.token, OffsetDeleteResponse(topics=topics)),))


def topics_in_use(group: Group) -> frozenset[str] | None:
    """The topics that members of a group read; None when they cannot be known, so that any may be meant."""
    if group.consumer is not None:
        return group.consumer.subscribed_topics()
    if group.streams is not None:
        topology = group.streams.topology
        return topology.inputs() if topology is not None and group.streams.members else frozenset()
    return subscribed_topics(membership_of(group))


def subscribed_topics(membership: Membership) -> frozenset[str] | None:
    """The topics that members of a consumer group read; None when they cannot be known, so that any may be meant."""
    if membership.protocol_type != CONSUMER_PROTOCOL_TYPE or not membership.members:
        return frozenset()
    topics: set[str] = set()
    for member in membership.members.values():
        metadata = member.metadata(membership.protocol_name)
        try:
            topics.update(codec.decode(ConsumerProtocolSubscription, 0, metadata, 2)[0].topics)
        except codec.Malformed:
            return None
    return frozenset(topics)


def delete_group(state: GroupState, command: DeleteGroup) -> Outcome[Fact | Note]:
    """Decide the deletion of one group: it must be there, and empty."""
    group = state.groups.get(command.group_id)
    if group is None:
        raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {command.group_id} not found.")
    consumer, streams = group.consumer, group.streams
    newer = consumer or streams
    if membership_of(group).phase is not Phase.EMPTY or (newer is not None and newer.members):
        raise Refused(ErrorCode.NON_EMPTY_GROUP, f"Group {command.group_id} has members; stop them first.")
    records: list[Fact | Note] = [*tombstones(group)]
    if consumer is not None:
        records.extend(consumer_facts.tombstones(command.group_id, consumer))
    elif streams is not None:
        records.extend(streams_facts.tombstones(command.group_id, streams))
    else:
        records.append(MetadataFact(command.group_id, None))
    return Outcome(tuple(records), (), (Reply(command.token, None),))


def tombstones(group: Group) -> Iterator[OffsetFact]:
    """Facts that remove all positions of a group."""
    for topic, partitions in group.offsets.items():
        for partition in partitions:
            yield OffsetFact(group.group_id, topic, partition, None)


def forget_topic(state: GroupState, command: ForgetTopic) -> Outcome[Fact | Note]:
    """Remove the positions of all groups in a topic that is no more."""
    records = [
        OffsetFact(group_id, command.topic, partition, None)
        for group_id in state.groups_of_topic.get(command.topic, ())
        for partition in state.groups[group_id].offsets[command.topic]
    ]
    records += [
        OffsetFact(group_id, command.topic, partition, None) for group_id, partition in command.pending
    ]
    return Outcome(tuple(records))
