"""TxnOffsetCommit: positions that become a group's when a producer's transaction commits. Kafka's rules for who may say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer import commits
from neuraxis.broker.coordinators.group.facts import CommittedOffset, OffsetFact
from neuraxis.broker.coordinators.group.join import validate_member
from neuraxis.broker.coordinators.group.notes import MembershipChanged
from neuraxis.broker.coordinators.group.offsets import existence, partition_code
from neuraxis.broker.coordinators.group.settings import MAX_GROUPS
from neuraxis.broker.coordinators.group.state import (
    Group,
    GroupState,
    Membership,
    Phase,
    membership_of,
)
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.streams import commits as streams_commits
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.txn_offset_commit import (
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.coordinators.group.commands import PartitionCommit, TopicCommit
    from neuraxis.broker.coordinators.group.facts import Fact
    from neuraxis.broker.coordinators.group.notes import Note
    from neuraxis.broker.coordinators.group.settings import GroupSettings
    from neuraxis.broker.work import Now

NEW_CODES_FROM = 6
"""TxnOffsetCommit says GROUP_ID_NOT_FOUND and STALE_MEMBER_EPOCH from this version on; before, both are ILLEGAL_GENERATION."""


@dataclass(frozen=True, slots=True)
class CommitInTransaction:
    """Store positions when the producer's transaction commits. A negative generation and no member: nobody is asked for."""

    token: int
    api_version: int
    group_id: str
    producer_id: int
    producer_epoch: int
    generation_id: int
    member_id: str
    group_instance_id: str | None
    topics: tuple[TopicCommit, ...]


def commit(
    state: GroupState,
    settings: GroupSettings,
    exists: Callable[[str, int], bool],
    command: CommitInTransaction,
    now: Now,
) -> Outcome[Fact | Note]:
    """Decide a TxnOffsetCommit: what exists and fits is written, and pending until the transaction ends."""
    group = state.groups.get(command.group_id)
    refused = _validate(state, group, command)
    records: list[Fact] = []
    topics = []
    for topic in command.topics:
        partitions = []
        for partition in topic.partitions:
            code = existence(exists, topic, partition) or refused
            code = code or partition_code(settings, exists, topic, partition)
            if code is ErrorCode.NONE and _is_stale(group, command, topic, partition):
                code = _for_client(ErrorCode.STALE_MEMBER_EPOCH, command)
            if code is ErrorCode.NONE:
                records.append(_fact(command, topic, partition, now))
            partitions.append(TxnOffsetCommitResponsePartition(partition.partition, code))
        topics.append(TxnOffsetCommitResponseTopic(topic.name or "", topic.topic_id, partitions))
    reply = Reply(command.token, TxnOffsetCommitResponse(topics=topics))
    notes: tuple[Note, ...] = ()
    if (
        group is None and records
    ):  # a group that keeps positions and has no members, before the first of them counts
        notes = (MembershipChanged(command.group_id, Membership()),)
    return Outcome(tuple(records), notes, (reply,), (command.producer_id, command.producer_epoch))


def _validate(state: GroupState, group: Group | None, command: CommitInTransaction) -> ErrorCode:
    generation_id, member_id = command.generation_id, command.member_id
    if not command.group_id:
        return ErrorCode.INVALID_GROUP_ID
    if group is None:
        if generation_id >= 0:
            new = command.api_version >= NEW_CODES_FROM
            return ErrorCode.GROUP_ID_NOT_FOUND if new else ErrorCode.ILLEGAL_GENERATION
        return ErrorCode.POLICY_VIOLATION if len(state.groups) >= MAX_GROUPS else ErrorCode.NONE
    if generation_id < 0 and not member_id and command.group_instance_id is None:
        return ErrorCode.NONE  # old clients name no member: the fencing of the transactional id must do
    if group.consumer is not None:
        found = commits.check_commit(group.consumer, member_id, generation_id, None) or ErrorCode.NONE
        return _for_client(found, command)
    if group.streams is not None:
        found = streams_commits.check_commit(group.streams, member_id, generation_id, None) or ErrorCode.NONE
        return _for_client(found, command)
    membership = membership_of(group)
    if generation_id < 0 and membership.phase is Phase.EMPTY:
        return ErrorCode.NONE
    code = validate_member(membership, member_id, command.group_instance_id)
    if code is not None:
        return code
    return ErrorCode.NONE if generation_id == membership.generation_id else ErrorCode.ILLEGAL_GENERATION


def _is_stale(
    group: Group | None, command: CommitInTransaction, topic: TopicCommit, partition: PartitionCommit
) -> bool:
    if group is None or command.generation_id < 0:
        return False
    epoch = command.generation_id
    if group.streams is not None:
        return streams_commits.is_stale(
            group.streams, command.member_id, epoch, topic.name, partition.partition
        )
    if group.consumer is None:
        return False
    return commits.is_stale(group.consumer, command.member_id, epoch, topic.topic_id, partition.partition)


def _for_client(code: ErrorCode, command: CommitInTransaction) -> ErrorCode:
    if code is ErrorCode.STALE_MEMBER_EPOCH and command.api_version < NEW_CODES_FROM:
        return ErrorCode.ILLEGAL_GENERATION
    return code


def _fact(
    command: CommitInTransaction, topic: TopicCommit, partition: PartitionCommit, now: Now
) -> OffsetFact:
    assert topic.name is not None
    metadata = partition.metadata or ""
    committed = CommittedOffset(
        partition.offset, partition.leader_epoch, metadata, now.wall_ms, None, topic.topic_id
    )
    return OffsetFact(command.group_id, topic.name, partition.partition, committed)
