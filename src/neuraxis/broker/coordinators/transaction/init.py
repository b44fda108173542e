"""InitProducerId with a transactional id: a producer begins, or goes on after an error; whoever was there before is fenced."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.transaction.end import aborted_for
from neuraxis.broker.coordinators.transaction.facts import (
    LARGEST_EPOCH,
    NO_EPOCH,
    NO_TIME,
    Metadata,
    Phase,
    TransactionFact,
)
from neuraxis.broker.coordinators.transaction.settings import MAX_TRANSACTIONAL_IDS, TransactionSettings
from neuraxis.broker.coordinators.transaction.state import (
    Ending,
    EndingBegun,
    EpochFollows,
    Note,
    Spoke,
    last_epoch,
)
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.init_producer_id import InitProducerIdResponse

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.transaction.commands import InitProducer
    from neuraxis.broker.coordinators.transaction.state import TransactionState
    from neuraxis.broker.work import Now

FENCED_FROM = 4
"""InitProducerId says PRODUCER_FENCED from this version on; older clients understand INVALID_PRODUCER_EPOCH."""


def needs_producer_id(state: TransactionState, transactional_id: str) -> bool:
    """Whether InitProducerId may need a producer id that nobody has."""
    metadata = state.transactions.get(transactional_id)
    return metadata is None or metadata.is_exhausted


def init(
    state: TransactionState, settings: TransactionSettings, command: InitProducer, now: Now
) -> Outcome[TransactionFact | Note]:
    """Decide an InitProducerId."""
    if not 0 < command.timeout_ms <= settings.max_timeout_ms:
        return _refuse(command, ErrorCode.INVALID_TRANSACTION_TIMEOUT)
    known = state.transactions.get(command.transactional_id)
    if known is None:
        if len(state.transactions) >= MAX_TRANSACTIONAL_IDS:
            return _refuse(command, ErrorCode.POLICY_VIOLATION)
        return _begin(command, _fresh(command), NO_EPOCH, NO_EPOCH, now)
    if command.transactional_id in state.endings:
        return _refuse(command, ErrorCode.CONCURRENT_TRANSACTIONS)
    expected = command.expected
    if expected is not None and expected[0] != known.producer_id:
        retried = expected[0] == known.previous_producer_id and expected[1] >= LARGEST_EPOCH - 1
        if not retried:
            return _refuse(command, ErrorCode.PRODUCER_FENCED)
    if known.phase is Phase.ONGOING:
        # The epoch of the abort is never handed out: the retry gets the one after it.
        answer = InitProducerIdResponse(
            error_code=ErrorCode.CONCURRENT_TRANSACTIONS, producer_id=-1, producer_epoch=-1
        )
        ending = Ending(command.transactional_id, aborted_for(known, now), (command.token, answer))
        note = EpochFollows(command.transactional_id, known.producer_epoch)
        return Outcome(notes=(note, EndingBegun(ending)))
    if known.is_exhausted and (expected is None or expected[1] == known.producer_epoch):
        last = NO_EPOCH if expected is None else known.producer_epoch
        return _begin(command, _fresh(command), NO_EPOCH, last, now, known)
    if expected is None:
        return _begin(command, known.producer_id, known.producer_epoch, NO_EPOCH, now, known)
    if expected[1] == known.producer_epoch:
        return _begin(command, known.producer_id, known.producer_epoch, known.producer_epoch, now, known)
    if expected[1] == last_epoch(state, command.transactional_id):
        # The answer to this very request was lost. A new producer would have cleared the last epoch.
        return _begin(command, known.producer_id, known.producer_epoch - 1, expected[1], now, known)
    return _refuse(command, ErrorCode.PRODUCER_FENCED)


def _begin(
    command: InitProducer, producer_id: int, epoch: int, last: int, now: Now, known: Metadata | None = None
) -> Outcome[TransactionFact | Note]:
    """The producer writes with the epoch after `epoch` from now on."""
    before = known or Metadata(producer_id, NO_EPOCH, command.timeout_ms, Phase.EMPTY, now.wall_ms)
    metadata = replace(
        before,
        producer_id=producer_id,
        previous_producer_id=before.producer_id,
        producer_epoch=epoch + 1,
        timeout_ms=command.timeout_ms,
        phase=Phase.EMPTY,
        partitions=(),
        start_timestamp_ms=NO_TIME,
        update_timestamp_ms=now.wall_ms,
    )
    name = command.transactional_id
    answer = InitProducerIdResponse(producer_id=producer_id, producer_epoch=epoch + 1)
    return Outcome(
        (TransactionFact(name, metadata),),
        (EpochFollows(name, last), Spoke(name, command.connection)),
        (Reply(command.token, answer),),
    )


def _fresh(command: InitProducer) -> int:
    assert command.fresh_producer_id is not None, "whoever runs this command asks `needs_producer_id` first"
    return command.fresh_producer_id


def _refuse(command: InitProducer, code: ErrorCode) -> Outcome[TransactionFact | Note]:
    if code is ErrorCode.PRODUCER_FENCED and command.api_version < FENCED_FROM:
        code = ErrorCode.INVALID_PRODUCER_EPOCH
    answer = InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
    return Outcome(replies=(Reply(command.token, answer),))
