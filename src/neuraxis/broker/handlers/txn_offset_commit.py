"""TxnOffsetCommit (key 28), versions 0-6: positions of a group that count when the producer's transaction commits.

v2 leader epochs, v3 member and generation (KIP-447), v5 the group's partition joins the transaction by itself, v6 topic ids and
69 GROUP_ID_NOT_FOUND. Before v5 it must have joined (AddOffsetsToTxn), else 48, from v4 on 120.
The rules are in `coordinators/group/transactional.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, Handled, handles
from neuraxis.broker.coordinators.group.commands import PartitionCommit, TopicCommit
from neuraxis.broker.coordinators.group.offsets import existence
from neuraxis.broker.coordinators.group.transactional import CommitInTransaction
from neuraxis.broker.node import OFFSETS_TOPIC
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
)
from neuraxis.wire.schema import ZERO_UUID

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

ABORTABLE_FROM = 4
"""Clients know TRANSACTION_ABORTABLE from this version on."""
JOINS_FROM = 5
TOPIC_IDS_FROM = 6
NEW = 2


@handles(TxnOffsetCommitRequest, versions="0-6", needs="WRITE transactional id; READ group; READ topic")
def txn_offset_commit(node: Node, call: Call, request: TxnOffsetCommitRequest) -> Handled:
    """Write what fits; answer each partition."""
    call.saw(node.catalogue.ticket)
    by_id, exists = call.api_version >= TOPIC_IDS_FROM, node.group_metadata_exists
    topics = tuple(_topic(node, topic, by_id=by_id) for topic in request.topics if topic.partitions)
    if not any(
        existence(exists, topic, each) is ErrorCode.NONE for topic in topics for each in topic.partitions
    ):
        return _refused(node, topics, ErrorCode.NONE)
    if not request.group_id:
        return _refused(node, topics, ErrorCode.INVALID_GROUP_ID)
    if node.store.full:
        return _refused(node, topics, ErrorCode.KAFKA_STORAGE_ERROR)
    shard = node.group_shard(request.group_id, call.now)
    code = _join(node, call, request, shard.partition.index)
    if code:
        return _refused(node, topics, code)
    command = CommitInTransaction(
        token=call.token,
        api_version=call.api_version,
        group_id=request.group_id,
        producer_id=request.producer_id,
        producer_epoch=request.producer_epoch,
        generation_id=request.generation_id_or_member_epoch,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        topics=topics,
    )
    return shard.execute(command, call, call.now)


def _join(node: Node, call: Call, request: TxnOffsetCommitRequest, index: int) -> ErrorCode:
    """Whether the producer may write to the group's partition; 0: it may."""
    producers = node.group_shards[index].partition.log.producers
    producer = request.producer_id, request.producer_epoch
    if producers.has_open_transaction(*producer):
        return ErrorCode.NONE
    named = (OFFSETS_TOPIC, index)
    if call.api_version >= JOINS_FROM:
        code = node.transactions.add(call, request.transactional_id, producer, [named], NEW)
    else:
        code = node.transactions.verify(call, request.transactional_id, producer, named)
    known = producers.by_id.get(request.producer_id)
    if code is ErrorCode.NONE and known is not None and known.epoch > request.producer_epoch:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    if code is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    if code is ErrorCode.TRANSACTION_ABORTABLE and call.api_version < ABORTABLE_FROM:
        return ErrorCode.INVALID_TXN_STATE
    if code is ErrorCode.CONCURRENT_TRANSACTIONS and call.api_version < JOINS_FROM:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE  # old clients try again after this one
    return code


def _topic(node: Node, asked: TxnOffsetCommitRequestTopic, *, by_id: bool) -> TopicCommit:
    served = node.topics_by_id.get(asked.topic_id) if by_id else node.topics.get(asked.name)
    partitions = tuple(
        PartitionCommit(
            partition.partition_index,
            partition.committed_offset,
            partition.committed_leader_epoch,
            partition.committed_metadata,
        )
        for partition in asked.partitions
    )
    if by_id:
        return TopicCommit(served.name if served is not None else None, asked.topic_id, partitions)
    return TopicCommit(asked.name, served.topic_id if served is not None else ZERO_UUID, partitions)


def _refused(node: Node, topics: tuple[TopicCommit, ...], code: ErrorCode) -> TxnOffsetCommitResponse:
    """The code for every partition that exists; the others are told that they do not."""
    return TxnOffsetCommitResponse(
        topics=[
            TxnOffsetCommitResponseTopic(
                topic.name or "",
                topic.topic_id,
                [
                    TxnOffsetCommitResponsePartition(
                        each.partition, existence(node.group_metadata_exists, topic, each) or code
                    )
                    for each in topic.partitions
                ],
            )
            for topic in topics
        ]
    )
