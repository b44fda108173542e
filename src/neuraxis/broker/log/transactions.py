"""Transactions as one log knows them: which are open, where readers of committed data must stop, which were aborted.

Everything here is the fold over the log's batch headers and markers; the `.txnindex` file of a segment (Kafka's format, byte
for byte) only saves reading them again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.scan import headers
from neuraxis.wire.batch import ControlType, read_control_marker
from neuraxis.wire.errors import Refused

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.reading import Range
    from neuraxis.broker.log.segment import Segment
    from neuraxis.broker.work import Now
    from neuraxis.wire.batch import BatchHeader

SUFFIX = ".txnindex"
_ENTRY = Struct(">hqqqq")  # version, then the fields of AbortedTransaction
ENTRY_SIZE = _ENTRY.size
_VERSION = 0
_NEVER = 1 << 62


class AbortedTransaction(NamedTuple):
    """An aborted transaction in one partition.

    `last_offset` is its marker's. Whoever reads up to `last_stable_offset` finds no older aborted transaction after this one.
    """

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


def to_bytes(entries: list[AbortedTransaction]) -> bytes:
    """Entries as they are in the file."""
    return b"".join(_ENTRY.pack(_VERSION, *entry) for entry in entries)


def parse(data: bytes, base_offset: int, limit_offset: int) -> list[AbortedTransaction]:
    """The entries at the beginning of a file that make sense for a segment of [base_offset, limit_offset)."""
    entries: list[AbortedTransaction] = []
    last_offset = base_offset - 1
    for version, *fields in _ENTRY.iter_unpack(data[: len(data) - len(data) % ENTRY_SIZE]):
        entry = AbortedTransaction._make(fields)
        if version != _VERSION or not last_offset < entry.last_offset < limit_offset:
            break
        if not 0 <= entry.first_offset < entry.last_offset or entry.producer_id < 0:
            break
        if not 0 <= entry.last_stable_offset <= entry.last_offset + 1:
            break
        entries.append(entry)
        last_offset = entry.last_offset
    return entries


def end(log: Log, segment: Segment, position: int, header: BatchHeader, now: Now) -> None:
    """Take a control batch into account that is in the segment at `position`."""
    try:
        marker = read_control_marker(log.fs.read(segment.file, position, header.size))
    except OSError as error:
        raise StorageFailed(f"reading {segment.file.path}", error) from error
    except Refused:
        marker = None  # whoever wrote it, it ends nothing
    if marker is None:
        return
    start = log.producers.end_transaction(header, marker.coordinator_epoch, now.wall_ms)
    if start < 0:
        return
    last_offset = header.base_offset
    if marker.type is ControlType.ABORT:
        stable = next(iter(log.producers.ongoing.values()), last_offset + 1)
        segment.add_aborted(AbortedTransaction(header.producer_id, start, last_offset, stable))
    ended = log.ended
    while ended and ended[0][1] < log.durable_offset:
        ended.popleft()
    ended.append((start, last_offset))


def last_stable_offset(log: Log) -> int:
    """The offset up to which everything is decided, and the decision durable: never above the durable offset."""
    limit, ended, ongoing = log.durable_offset, log.ended, log.producers.ongoing
    if not ended and not ongoing:
        return limit
    while ended and ended[0][1] < limit:
        ended.popleft()
    first = min((start for start, _ in ended), default=_NEVER)
    if ongoing:
        first = min(first, next(iter(ongoing.values())))
    return min(limit, max(first, log.log_start_offset))


def aborted_between(log: Log, offset: int, found: Range, limit_offset: int) -> list[tuple[int, int]]:
    """(producer id, first offset) of each aborted transaction with records in a range read at `offset`, by offset."""
    number = max(0, bisect_right(log.bases, offset) - 1)
    segments = [segment for segment in log.segments[number:] if segment.aborted]
    if not segments:
        return []
    limit = min(limit_offset, _end_of(log, number, found))
    aborted = []
    for segment in segments:
        entries = segment.aborted
        first = bisect_left(entries, offset, key=lambda entry: entry.last_offset)
        for entry in entries[first:]:
            if entry.first_offset < limit:
                aborted.append((entry.first_offset, entry.producer_id))
            if entry.last_stable_offset >= limit:
                return [(producer_id, start) for start, producer_id in sorted(aborted)]
    return [(producer_id, start) for start, producer_id in sorted(aborted)]


def _end_of(log: Log, number: int, found: Range) -> int:
    """An offset at or after the end of a range that begins in the segment with this number or in a later one."""
    while log.segments[number].file is not found.file:
        number += 1
    segment = log.segments[number]
    end = found.position + found.length
    if end < segment.size:
        offset = segment.index(log.settings.index_interval_bytes).offset_at(end)
        if offset is not None:
            return offset + 1
    return log.bases[number + 1] if number + 1 < len(log.bases) else log.log_end_offset


def rebuild(log: Log, now: Now) -> None:
    """Make the producers' states and the aborted transactions anew, from every batch header of the log."""
    log.producers.clear()
    log.ended.clear()
    for segment in log.segments:
        segment.forget_aborted()
        log.uncheck(segment)
        for position, header in headers(log.fs, segment.file, 0, segment.size, patient=True):
            if header.is_control:
                end(log, segment, position, header, now)
            elif header.producer_id >= 0:
                log.producers.update(header, now.wall_ms)
    log.producers.changed = True
    log.mark_changed()
