"""ListTransactions (key 66), versions 0-2: the transactional ids this broker coordinates.

Filters: states (an unknown one is named in the answer), producer ids, v1 a minimum duration, v2 a pattern that must fit the
whole id (128 if it is none). Names of states are exact, as in Kafka.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.transaction import queries
from neuraxis.broker.regex import Regex
from neuraxis.broker.regex_syntax import InvalidRegex
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.list_transactions import ListTransactionsRequest, ListTransactionsResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(ListTransactionsRequest, versions="0-2", needs="DESCRIBE transactional id")
def list_transactions(node: Node, call: Call, request: ListTransactionsRequest) -> ListTransactionsResponse:
    """List what passes the filters."""
    try:
        pattern = Regex(request.transactional_id_pattern) if request.transactional_id_pattern else None
    except InvalidRegex:
        return ListTransactionsResponse(error_code=ErrorCode.INVALID_REGULAR_EXPRESSION)
    unknown = [name for name in request.state_filters if name not in queries.PHASES]
    answer = ListTransactionsResponse(unknown_state_filters=unknown)
    phases = {queries.PHASES[name] for name in request.state_filters if name in queries.PHASES}
    if request.state_filters and not phases:
        return answer
    for shard in node.transactions.shards:
        answer.transaction_states += queries.listed(
            shard.read(call),
            phases,
            set(request.producer_id_filters),
            request.duration_filter,
            lambda name: pattern is None or pattern.matches(name),
            call.now,
        )
    return answer
