"""The rule that closes the old protocol's hole: only the newest connection that spoke for a transactional id is heard.

Without an epoch for each transaction, an EndTxn or AddPartitionsToTxn that was delayed on the way looks like one for the
transaction that is open now. But a client sends the next request only after it gave up the connection of the delayed one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.transaction.state import Spoke

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.transaction.state import TransactionState


class StaleConnection(Exception):
    """A request came by a connection that its client has given up since; nobody waits for an answer."""

    def __init__(self, transactional_id: str) -> None:
        super().__init__(
            f"a newer connection speaks for transactional id {transactional_id!r}: a request that was delayed on an older "
            "one could end the wrong transaction"
        )


def spoke(state: TransactionState, transactional_id: str, connection: int | None) -> tuple[Spoke, ...]:
    """The note that this connection speaks for the id now. Raises `StaleConnection` if a newer one does.

    To be asked when producer id and epoch are right: a fenced producer must not take the id over.
    """
    newest = state.connections.get(transactional_id)
    if connection is None or connection == newest:
        return ()
    if newest is not None and connection < newest:
        raise StaleConnection(transactional_id)
    return (Spoke(transactional_id, connection),)
