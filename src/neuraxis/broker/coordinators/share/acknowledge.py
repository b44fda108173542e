"""What acknowledgements change in a share partition: all of them, or none when one is refused."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.share import runs as r
from neuraxis.broker.coordinators.share.commands import Ack, AckType
from neuraxis.broker.coordinators.share.runs import Delivery, Run
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neuraxis.broker.coordinators.share.commands import Acknowledge
    from neuraxis.broker.coordinators.share.settings import ShareLimits
    from neuraxis.broker.coordinators.share.state import SharePartition
    from neuraxis.broker.work import Now

Change = Run
"""A run as it is to be: never acquired, unless its lock is renewed."""


def check(acks: Sequence[Ack], *, renew: bool) -> None:
    """Refuse (42) acknowledgements that make no sense, whatever the state. `renew`: whether locks may be renewed."""
    before = -1
    for ack in acks:
        if ack.first > ack.last or ack.first < 0:
            raise _senseless(f"batch {ack.first} to {ack.last} is not in order")
        if ack.first < before:
            raise _senseless(f"batch {ack.first} to {ack.last} comes after one that ends at {before}")
        before = ack.last
        if not ack.types or len(ack.types) not in (1, ack.last - ack.first + 1):
            raise _senseless(f"batch {ack.first} to {ack.last} has {len(ack.types)} acknowledgement types")
        for kind in set(ack.types):
            if not AckType.GAP <= kind <= AckType.RENEW:
                raise _senseless(f"acknowledgement type {kind} is unknown")
            if kind == AckType.RENEW and not renew:
                raise _senseless("locks are renewed only in requests that say so, in groups that allow it")


def _senseless(problem: str) -> Refused:
    return Refused(ErrorCode.INVALID_REQUEST, f"The acknowledgements make no sense: {problem}.")


def acknowledged(
    partition: SharePartition, command: Acknowledge, limits: ShareLimits, now: Now
) -> tuple[list[Change], list[Run]]:
    """The changed runs, and those whose locks are renewed. Refuses 42 (never delivered) and 121 (not the member's)."""
    start, end = partition.start_offset, partition.end_offset
    after = list(partition.runs)
    changes: list[Change] = []
    renewed: list[Run] = []
    for ack in command.acks:
        if ack.last < start:
            continue  # settled before, or gone from the log
        if ack.last >= end:
            raise Refused(
                ErrorCode.INVALID_REQUEST,
                f"Offsets {ack.first} to {ack.last} were never delivered, all of them.",
            )
        for first, last, kind in _spans(ack, start):
            for run in list(r.within(after, first, last)):
                if run.state is not Delivery.ACQUIRED or run.member != command.member_id:
                    raise Refused(
                        ErrorCode.INVALID_RECORD_STATE,
                        f"The member does not have offsets {run.first} to {run.last} any more: its locks have ended.",
                    )
                change = _after(run, kind, limits, now)
                r.lay(after, change, start)
                (renewed if kind == AckType.RENEW else changes).append(change)
    return changes, renewed


def _spans(ack: Ack, start: int) -> Iterator[tuple[int, int, int]]:
    if len(ack.types) == 1:
        yield max(ack.first, start), ack.last, ack.types[0]
        return
    offset = ack.first
    for kind, same in groupby(ack.types):
        following = offset + sum(1 for _ in same)
        if following > start:
            yield max(offset, start), following - 1, kind
        offset = following


def _after(run: Run, kind: int, limits: ShareLimits, now: Now) -> Run:
    if kind == AckType.RENEW:
        return run._replace(due_ms=now.mono_ms + limits.record_lock_duration_ms)
    if kind == AckType.ACCEPT:
        state = Delivery.ACKNOWLEDGED
    elif kind == AckType.RELEASE and run.deliveries < limits.delivery_count_limit:
        state = Delivery.AVAILABLE
    else:
        state = Delivery.ARCHIVED
    return Run(run.first, run.last, state, run.deliveries)
