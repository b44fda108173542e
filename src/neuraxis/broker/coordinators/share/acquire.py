"""What a member is given of a share partition: Kafka's rules for limits, and for records that were delivered too often.

The second half of a record's deliveries come in ever smaller pieces, the last one alone: so a record that kills its reader
is found, and its neighbours are not given up with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.share import runs as r
from neuraxis.broker.coordinators.share.commands import Acquired, AcquireMode
from neuraxis.broker.coordinators.share.runs import Delivery, Run

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.share.commands import Acquire
    from neuraxis.broker.coordinators.share.settings import ShareLimits
    from neuraxis.broker.coordinators.share.state import SharePartition


def choose(partition: SharePartition, command: Acquire, limits: ShareLimits) -> list[Run]:
    """The available runs that the member is given, with the count of deliveries so far."""
    wanted = command.max_records
    if command.mode is AcquireMode.RECORD_LIMIT:
        wanted = min(wanted, command.batch_size)
    chosen: list[Run] = []
    for run in _available(partition, command):
        if wanted <= 0:
            break
        last = _end_of_choice(partition, command, limits, run, wanted)
        if last < run.first:
            break
        throttled = _throttled(run, limits)
        if throttled is not None:
            if not chosen:
                chosen.append(run._replace(last=min(last, run.first + throttled - 1)))
            break
        chosen.append(run._replace(last=last))
        wanted -= last - run.first + 1
        if last < run.last:
            break
    return chosen


def _available(partition: SharePartition, command: Acquire) -> list[Run]:
    """What may be given of the batches: what was given back, then what was never delivered."""
    first, last = command.batches[0][0], command.batches[-1][1]
    end = partition.end_offset
    first = max(partition.start_offset, min(first, end))
    found = [run for run in r.within(partition.runs, first, last) if run.state is Delivery.AVAILABLE]
    if last >= end:
        # A hole in the log before its next batch is nobody's: it goes with the batch, and the reader says that it is one.
        found.append(Run(end, last, Delivery.AVAILABLE, 0))
    return r.joined(found)


def _end_of_choice(
    partition: SharePartition, command: Acquire, limits: ShareLimits, run: Run, wanted: int
) -> int:
    last = run.last
    if last - run.first >= wanted:
        last = run.first + wanted - 1
        if command.mode is AcquireMode.BATCH_OPTIMIZED:
            last = min(run.last, _batch_end(command, last))
    # What was in flight before stays so; what is new must find room between the first and the last offset in flight.
    end = partition.start_offset + limits.partition_max_record_locks
    if last < max(end, partition.end_offset):
        return last
    if command.mode is AcquireMode.RECORD_LIMIT:
        return max(end, partition.end_offset) - 1
    whole = max((stop for _, stop in command.batches if stop < end), default=-1)
    whole = max(whole, partition.end_offset - 1)
    if whole >= run.first:
        return min(last, whole)
    return min(last, _batch_end(command, end - 1)) if run.first < end else run.first - 1


def _batch_end(command: Acquire, offset: int) -> int:
    """The last offset of the batch with this offset, or of the one after the hole that it is in."""
    return next((last for _, last in command.batches if last >= offset), command.batches[-1][1])


def _throttled(run: Run, limits: ShareLimits) -> int | None:
    """How many records of a run are given that was delivered often; None: all of them."""
    limit = limits.delivery_count_limit
    threshold = -(-limit // 2)
    if run.deliveries < threshold or limit <= 2:
        return None
    if run.deliveries >= limit - 1:
        return 1
    size = run.last - run.first + 1
    return max(1, -(-size >> (run.deliveries - threshold + 1)))


def in_pieces(command: Acquire, runs: list[Run]) -> list[Acquired]:
    """The answer: whole batches together up to `batch_size` records, so that a member can settle them one by one."""
    found: list[Acquired] = []
    for run in runs:
        first = run.first
        for _, last in command.batches:
            if last < first or last >= run.last:
                continue
            if last - first + 1 >= command.batch_size:
                found.append(Acquired(first, last, run.deliveries))
                first = last + 1
        found.append(Acquired(first, run.last, run.deliveries))
    return found
