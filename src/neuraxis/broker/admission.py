"""May these transactional batches be written? Asked once for a whole Produce request, before the first of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire import batch as batches
from neuraxis.wire.errors import ErrorCode

if TYPE_CHECKING:
    from neuraxis.broker.call import Call
    from neuraxis.broker.node import Node, Topic
    from neuraxis.broker.partition import Partition
    from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest

    Admitted = dict[tuple[str, int], tuple[Partition, tuple[int, int]]]

ABORTABLE_FROM = 11
"""Produce clients know TRANSACTION_ABORTABLE from this version on."""
JOINS_FROM = 12
TOPIC_IDS_FROM = 13
NEW = 2
_ATTRIBUTES_AT = 22  # the low byte of a batch's attributes


def is_transactional(item: PartitionProduceData) -> bool:
    """Whether the batch for a partition says that it is part of a transaction."""
    records = item.records
    return (
        isinstance(records, memoryview)
        and len(records) >= batches.HEADER_SIZE
        and records[_ATTRIBUTES_AT] & batches.TRANSACTIONAL_BIT != 0
    )


def barred(node: Node, call: Call, request: ProduceRequest) -> dict[tuple[str, int], ErrorCode]:
    """The partitions, by topic name and number, that the request's transactional batches may not be written to, and why.

    In the new protocol this is where they join the transaction.
    """
    asked = _new_partitions(node, call, request)
    if not asked:
        return {}
    transactional_id = request.transactional_id or ""
    producers = {producer for _, producer in asked.values()}
    if len(producers) > 1:  # a request speaks for one producer
        return dict.fromkeys(asked, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    (producer,) = producers
    if call.api_version >= JOINS_FROM:
        code = node.transactions.add(call, transactional_id, producer, asked, NEW)
        return dict.fromkeys(asked, _for_client(code, call)) if code else {}
    if not node.settings.boolean("transaction.partition.verification.enable"):
        return {}
    codes = {name: node.transactions.verify(call, transactional_id, producer, name) for name in asked}
    return {name: _for_client(code, call) for name, code in codes.items() if code}


def _new_partitions(node: Node, call: Call, request: ProduceRequest) -> Admitted:
    """Partitions in which the producer has nothing open yet: where it has, the coordinator knows of it."""
    found: Admitted = {}
    for data in request.topic_data:
        by_id = call.api_version >= TOPIC_IDS_FROM
        topic: Topic | None = node.topics_by_id.get(data.topic_id) if by_id else node.topics.get(data.name)
        for item in data.partition_data:
            if topic is None or not is_transactional(item) or not 0 <= item.index < len(topic.partitions):
                continue
            header = batches.read_header(item.records)  # type: ignore[arg-type]  # `is_transactional` saw a view
            partition = topic.partitions[item.index]
            producer = header.producer_id, header.producer_epoch
            if not partition.log.producers.has_open_transaction(*producer):
                found[topic.name, item.index] = (partition, producer)
    return found


def _for_client(code: ErrorCode, call: Call) -> ErrorCode:
    """The code as Produce says it."""
    if code is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    if code is ErrorCode.TRANSACTION_ABORTABLE and call.api_version < ABORTABLE_FROM:
        return ErrorCode.INVALID_TXN_STATE
    if code is ErrorCode.CONCURRENT_TRANSACTIONS and call.api_version < JOINS_FROM:
        return ErrorCode.NOT_ENOUGH_REPLICAS  # old clients try again after this one
    return code
