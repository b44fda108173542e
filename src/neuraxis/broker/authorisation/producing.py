"""What producers are asked beside WRITE on topics: transactional ids, producer ids, partitions of a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import admission
from neuraxis.broker.authorisation.authoriser import CLUSTER, TOPIC, TRANSACTIONAL_ID
from neuraxis.broker.authorisation.steps import CODES, Asked, Proceed, Split, without
from neuraxis.broker.operations import CLUSTER_ACTION, DESCRIBE, IDEMPOTENT_WRITE, WRITE
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnTopicResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.call import Body, Handled


def transactional_batches(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """Produce: transactional batches need WRITE on the transactional id; other batches do not look at it."""
    name = request.transactional_id
    if name is None or not any(
        admission.is_transactional(item) for data in request.topic_data for item in data.partition_data
    ):
        return proceed(request)
    if asked.allows(WRITE, TRANSACTIONAL_ID, name):
        return proceed(request)
    nothing = Split("topic_data", [], request.topic_data)
    return without(asked, request, nothing, CODES[TRANSACTIONAL_ID], proceed)


def producer_id(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """InitProducerId: a transactional id needs WRITE on it; without one, IDEMPOTENT_WRITE or WRITE to any topic will do."""
    name = request.transactional_id
    kind = CLUSTER if name is None else TRANSACTIONAL_ID
    if name is not None:
        allowed = asked.allows(WRITE, TRANSACTIONAL_ID, name)
    else:
        session = asked.call.session
        anywhere = asked.guard.authoriser.allows_any(session.principal, session.host, WRITE, TOPIC)
        allowed = anywhere or asked.allows(IDEMPOTENT_WRITE, CLUSTER)
    if allowed:
        return proceed(request)
    answer = asked.refused(request, CODES[kind])
    answer.producer_id = answer.producer_epoch = -1
    return answer


def add_partitions(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """AddPartitionsToTxn: from v4 on brokers ask each other; before, one refused topic lets none of them join (55)."""
    response = asked.api.response
    if asked.call.api_version >= 4:
        if asked.allows(CLUSTER_ACTION, CLUSTER):
            return proceed(request)
        return response(error_code=CODES[CLUSTER])
    topics = request.v3_and_below_topics
    if not asked.allows(WRITE, TRANSACTIONAL_ID, request.v3_and_below_transactional_id):
        return _joined(asked, topics, lambda name: CODES[TRANSACTIONAL_ID])
    denied = {topic.name for topic in topics if not asked.allows(WRITE, TOPIC, topic.name)}
    if not denied:
        return proceed(request)

    def code(name: str) -> ErrorCode:
        if name in denied:
            return CODES[TOPIC]
        known = name in asked.node.topics
        return ErrorCode.OPERATION_NOT_ATTEMPTED if known else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    return _joined(asked, topics, code)


def _joined(asked: Asked, topics: list[Body], code: Callable[[str], ErrorCode]) -> Body:
    results = [
        AddPartitionsToTxnTopicResult(
            topic.name,
            [AddPartitionsToTxnPartitionResult(index, code(topic.name)) for index in topic.partitions],
        )
        for topic in topics
    ]
    return asked.api.response(results_by_topic_v3_and_below=results)


def transaction_topics(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """DescribeTransactions: topics that may not be described are left out."""
    answer = proceed(request)
    for state in answer.transaction_states:
        state.topics = [each for each in state.topics if asked.would_allow(DESCRIBE, TOPIC, each.topic)]
    return answer
