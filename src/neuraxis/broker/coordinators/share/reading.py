"""What a share partition can give of its log: the batches of a range, which of them were aborted, the range cut to size."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.log.reading import Range
from neuraxis.broker.log.scan import headers

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.share.commands import Acquired
    from neuraxis.broker.log.log import Log
    from neuraxis.wire.batch import BatchHeader

MAX_BATCHES = 20_000
"""Batches looked at for one answer: each has a record at least, and no group may lock more than 10,000 records at once."""


class Found(NamedTuple):
    """A range of a log file, and where its batches are."""

    range: Range
    batches: list[tuple[int, BatchHeader]]

    def offsets(self) -> tuple[tuple[int, int], ...]:
        """First and last offset of each batch."""
        return tuple((header.base_offset, header.last_offset) for _, header in self.batches)

    def cut(self, given: list[Acquired]) -> Range:
        """The part of the range that holds these records; the range itself is given back."""
        first, last = given[0].first, given[-1].last
        wanted = [
            (position, header)
            for position, header in self.batches
            if header.last_offset >= first and header.base_offset <= last
        ]
        start = wanted[0][0]
        end = wanted[-1][0] + wanted[-1][1].size
        part = Range(self.range.file, start, end - start)
        self.range.release()
        return part


def find(
    log: Log, offset: int, max_bytes: int, limit_offset: int, *, first: bool, records: int
) -> Found | None:
    """What the log has from `offset` on, but not much more than so many records; None if there is nothing.

    `first`: whether one batch is wanted even if it exceeds `max_bytes`.
    """
    found = log.read(offset, max(max_bytes, 0), limit_offset, minimum_one=first)
    if found is None:
        return None
    batches: list[tuple[int, BatchHeader]] = []
    try:
        for position, header in headers(log.fs, found.file, found.position, found.position + found.length):
            batches.append((position, header))
            if header.last_offset >= offset + records or len(batches) >= MAX_BATCHES:
                break
    except BaseException:
        found.release()
        raise
    if not batches:
        found.release()
        return None
    return Found(found, batches)


def aborted(log: Log, offset: int, limit_offset: int, found: Found) -> tuple[tuple[int, int], ...]:
    """First and last offset of each batch that belongs to an aborted transaction."""
    begun = log.aborted_between(offset, found.range, limit_offset)
    spans: list[tuple[int, int]] = []
    active: set[int] = set()
    for _, header in found.batches:
        while begun and begun[0][1] <= header.last_offset:
            active.add(begun.pop(0)[0])
        if header.producer_id in active and header.is_transactional:
            if header.is_control:
                active.discard(header.producer_id)
            else:
                spans.append((header.base_offset, header.last_offset))
    return tuple(spans)
