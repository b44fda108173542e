"""Produce (key 0), versions 3-13 (advertised from 0: librdkafka's compressed produce needs to see that).

timeout_ms is ignored: there is no replication to wait for. The answer waits for durability when the topic's policy asks
for it. v5 log_start_offset, v8 record_errors, v9 flexible, v13 topic ids.
A partition has to join a transaction before it is written to (AddPartitionsToTxn; 48 if not, from v11 on 120); from v12 on it
joins by itself. Transactional batches need the transactional id (53 without).
Not done: per-record errors but for missing keys on compacted topics (another bad batch is refused whole). Null records
get 87 where Kafka never answers.
Where records are read (compacted topics, recompression) a batch may decompress to 64 MiB, not to Kafka's two gigabytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import admission
from neuraxis.broker.call import CLOSE, NO_REPLY, Call, Handled, handles
from neuraxis.broker.ingest import ZSTD_SINCE_VERSION, prepare
from neuraxis.wire.batch import NotOneBatch
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.produce import (
    BatchIndexAndErrorMessage,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node, Topic


@handles(ProduceRequest, versions="3-13", needs="WRITE topic", advertised_minimum=0)
def produce(node: Node, call: Call, request: ProduceRequest) -> Handled:
    """Append each batch; answer each partition."""
    refused = _refused_whole(node, request)
    call.saw(node.catalogue.ticket)
    responses = []
    failed = bool(refused)
    by_id = call.api_version >= 13
    barred = {} if refused or request.transactional_id is None else admission.barred(node, call, request)
    for data in request.topic_data:
        topic = node.topics_by_id.get(data.topic_id) if by_id else node.topics.get(data.name)
        code = refused or _topic_error(data, topic, by_id=by_id)
        partitions = []
        for item in data.partition_data:
            if code or topic is None:
                refusal = PartitionProduceResponse(
                    item.index, code, -1, error_message=ErrorCode(code).message
                )
                partitions.append(refusal)
                failed = True
                continue
            answer = _append(call, topic, item, barred)
            failed = failed or answer.error_code != 0
            partitions.append(answer)
        if partitions:
            responses.append(TopicProduceResponse(data.name, data.topic_id, partitions))
    response = ProduceResponse(responses)
    if failed:
        node.counters.answered(call.api_key, response)
    if request.acks == 0:
        return CLOSE if failed else NO_REPLY
    return response


def _refused_whole(node: Node, request: ProduceRequest) -> int:
    if request.acks not in (-1, 0, 1):
        return ErrorCode.INVALID_REQUIRED_ACKS
    if node.store.full:
        return ErrorCode.KAFKA_STORAGE_ERROR
    if request.transactional_id is None:
        for data in request.topic_data:
            for item in data.partition_data:
                if admission.is_transactional(item):
                    return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    return 0


def _topic_error(data: TopicProduceData, topic: Topic | None, *, by_id: bool) -> int:
    if topic is None:
        if by_id:
            return ErrorCode.UNKNOWN_TOPIC_ID
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return ErrorCode.INVALID_TOPIC_EXCEPTION if topic.internal else 0


def _append(
    call: Call, topic: Topic, item: PartitionProduceData, barred: dict[tuple[str, int], ErrorCode]
) -> PartitionProduceResponse:
    index = item.index
    if not 0 <= index < len(topic.partitions):
        return PartitionProduceResponse(index, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1)
    if barred and (code := barred.get((topic.name, index))):
        return PartitionProduceResponse(index, code, -1, error_message=code.message)
    partition = topic.partitions[index]
    records = item.records
    if not isinstance(records, memoryview):
        return PartitionProduceResponse(
            index, ErrorCode.INVALID_RECORD, -1, error_message="The records are null."
        )
    log = partition.log
    try:
        view, header = prepare(records, topic.config, call.now, call.api_version)
        base_offset, duplicate = partition.append(view, header, call.now)
    except Refused as refused:
        errors = getattr(refused, "record_errors", ())
        return PartitionProduceResponse(
            index,
            refused.code,
            -1,
            log_start_offset=log.log_start_offset if _reaches_log(refused, call.api_version) else -1,
            record_errors=[BatchIndexAndErrorMessage(position, text) for position, text in errors],
            error_message=str(refused),
        )
    call.saw(log.ticket)
    append_time = -1
    if duplicate is not None and topic.config.log_append_time:
        append_time = duplicate.timestamp
    elif duplicate is not None or topic.config.log_append_time:
        append_time = header.max_timestamp  # also of a duplicate: it is the batch that was sent before
    return PartitionProduceResponse(index, 0, base_offset, append_time, log.log_start_offset)


def _reaches_log(refused: Refused, version: int) -> bool:
    """Whether Kafka refuses such a batch at the log, and so answers with the log's start, or before it gets there."""
    if refused.code in (
        ErrorCode.CORRUPT_MESSAGE,
        ErrorCode.MESSAGE_TOO_LARGE,
        ErrorCode.RECORD_LIST_TOO_LARGE,
    ):
        return False
    if refused.code is ErrorCode.UNSUPPORTED_COMPRESSION_TYPE and version < ZSTD_SINCE_VERSION:
        return False
    return not isinstance(refused, NotOneBatch)
