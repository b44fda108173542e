"""What a fetch finds in one partition: the range of its log, or why there is none. Reads only."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.log.cold import WouldWait
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.fetch import (
    AbortedTransaction,
    EpochEndOffset,
    FetchPartition,
    PartitionData,
)

if TYPE_CHECKING:
    from neuraxis.broker.fetch_sessions import Entry
    from neuraxis.broker.log.cold import ColdStep
    from neuraxis.broker.log.log import Range
    from neuraxis.broker.node import Topic
    from neuraxis.broker.partition import Partition


logger = logging.getLogger("neuraxis.broker")


class Wanted(NamedTuple):
    """One partition of a fetch: where it is, and what was asked; `entry` in a session."""

    topic: Topic | None
    partition: Partition | None
    asked: FetchPartition
    error_code: int
    named: str | bytes
    entry: Entry | None = None


def release(answers: list[PartitionData]) -> None:
    """Give back the ranges of answers that do not leave."""
    for data in answers:
        if data.records:
            data.records.release()  # type: ignore[union-attr]  # `read_partition` puts a Range or b"" there


def limit_of(partition: Partition, *, committed: bool) -> int:
    """The offset up to which a reader may see the log."""
    return partition.last_stable_offset if committed else partition.high_watermark


def has_news(wanted: Wanted, *, committed: bool) -> bool:
    """Whether answering now would say something: an error, a divergence or data."""
    partition, asked = wanted.partition, wanted.asked
    if partition is None or wanted.error_code or asked.last_fetched_epoch >= 0:
        return True
    offset = asked.fetch_offset
    return (
        offset < limit_of(partition, committed=committed)
        or offset > partition.log_end_offset
        or offset < partition.log_start_offset
    )


def read_partition(
    wanted: Wanted, budget: int, lacking: list[ColdStep], *, committed: bool, first: bool
) -> PartitionData:
    """What there is for one partition, at most `budget` bytes, but one batch at least if it is to be the first.

    Where bytes are missing that tell where it is, it is left out, and what would bring them in is added to `lacking`.
    """
    partition, asked = wanted.partition, wanted.asked
    if partition is None:
        return PartitionData(asked.partition, wanted.error_code, -1, records=b"")
    if wanted.error_code:
        return PartitionData(asked.partition, wanted.error_code, -1, aborted_transactions=None, records=b"")
    data = PartitionData(
        asked.partition,
        0,
        partition.high_watermark,
        partition.last_stable_offset,
        partition.log_start_offset,
        aborted_transactions=[] if committed else None,
        records=b"",
    )
    limit = limit_of(partition, committed=committed)
    offset = asked.fetch_offset
    maximum = min(asked.partition_max_bytes, budget)
    try:
        if asked.last_fetched_epoch >= 0:
            data.diverging_epoch = _divergence(partition, asked)
            if data.diverging_epoch is not None:
                return data
        if offset < partition.log_start_offset or offset > partition.log_end_offset:
            raise Refused(ErrorCode.OFFSET_OUT_OF_RANGE, "the offset is outside the log")
        if offset < limit and (maximum > 0 or first):
            found: Range | None = partition.log.read(offset, max(maximum, 0), limit, minimum_one=first)
            if found is not None:
                data.records = found
                if committed:
                    aborted = partition.log.aborted_between(offset, found, limit)
                    data.aborted_transactions = [AbortedTransaction(*each) for each in aborted]
    except WouldWait as cold:
        lacking += cold.steps
        release([data])
        data.records = b""
    except OSError as error:
        release([data])
        logger.error("reading %s-%d at offset %d failed: %s", partition.topic, partition.index, offset, error)
        code = ErrorCode.KAFKA_STORAGE_ERROR
        return PartitionData(asked.partition, code, -1, aborted_transactions=None, records=b"")
    except Refused as refused:
        return PartitionData(asked.partition, refused.code, -1, aborted_transactions=None, records=b"")
    return data


def _divergence(partition: Partition, asked: FetchPartition) -> EpochEndOffset | None:
    if asked.last_fetched_epoch > partition.leader_epoch:
        raise Refused(ErrorCode.OFFSET_OUT_OF_RANGE, "the log never had that leader epoch")
    epoch, end_offset = partition.log.end_offset_for_epoch(asked.last_fetched_epoch)
    if epoch < asked.last_fetched_epoch or end_offset < asked.fetch_offset:
        return EpochEndOffset(epoch, end_offset)
    return None
