"""Reading a log: finding batches by offset and by time, cutting ranges. Writes nothing.

What is not in the page cache raises WouldWait to who can be parked (`cold.py`); then everything is looked for anew.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from neuraxis.broker.log import damage
from neuraxis.broker.log.failures import OffsetOutOfRange
from neuraxis.broker.log.scan import SCAN_READ, headers
from neuraxis.wire.batch import HEADER_SIZE, read_header, scan_headers
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.records import iter_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.log.fs import File
    from neuraxis.broker.log.index import OffsetIndex
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.segment import Segment
    from neuraxis.wire.batch import BatchHeader

# Where reads ended lately, so that a reader who goes on needs no search; a few readers per partition are usual.
MOST_HINTS = 32
# Headers read at once to cut a range at a batch: two index intervals of Kafka's default.
_CUT_READ = 8 << 10


class Range:
    """A range of a segment file, pinned until `release`; a `wire.codec.Span`."""

    __slots__ = ("file", "length", "position")

    def __init__(self, file: File, position: int, length: int) -> None:
        file.pin()
        self.file = file
        self.position = position
        self.length = length

    def release(self) -> None:
        """Give the pin back; once."""
        self.file.unpin()

    def read(self) -> bytes:
        """All its bytes, now; may wait for the disk."""
        return self.file.fs.read(self.file, self.position, self.length)


def read(log: Log, offset: int, max_bytes: int, limit_offset: int, minimum_one: bool) -> Range | None:
    """See `Log.read`."""
    if not log.log_start_offset <= offset <= log.log_end_offset:
        raise OffsetOutOfRange(offset, log.log_start_offset, log.log_end_offset)
    if offset >= limit_offset or offset == log.log_end_offset:
        return None
    segment = log.segment_of(offset)
    if log.ledger.damaged:
        damage.refuse(log, offset)
    position = _reach(log, segment, offset)
    while (
        position >= segment.size
    ):  # compaction took the last batches of a segment, perhaps all: the next one follows
        following = log.segments.index(segment) + 1
        if following == len(log.segments):
            if not segment.size:
                return None
            raise Refused(
                ErrorCode.KAFKA_STORAGE_ERROR,
                f"{segment.file.path} is damaged: offset {offset} is not where the log had put it.",
            )
        if log.bases[following] >= limit_offset:
            return None
        segment, position = log.segments[following], 0
    end = segment.size
    if limit_offset < log.log_end_offset and log.segment_of(limit_offset) is segment:
        end = locate(log, segment, limit_offset)
        _give_hint(log, limit_offset, segment, end)
    if log.ledger.damaged:
        end = damage.clip(log, segment, position, end)
    length = end - position
    if length > max_bytes:
        length = _cut(log, segment, position, max_bytes, length, minimum_one)
    return Range(segment.file, position, length) if length > 0 else None


def locate(log: Log, segment: Segment, offset: int) -> int:
    """The position of the first batch in the segment that ends at or after `offset`; the segment's size if none does."""
    known = _known(log, segment, offset)
    if known >= 0:
        return known
    found = find_batch(log, segment, offset)
    return found[0] if found is not None else segment.size


def _reach(log: Log, segment: Segment, offset: int) -> int:
    """As `locate`, for a reader: who asked for an offset is not led past it by a header that is damaged.

    Raises Refused (KAFKA_STORAGE_ERROR) where no batch has the offset although there are no gaps in the log.
    """
    known = _known(log, segment, offset)
    if known >= 0:
        return known
    found = find_batch(log, segment, offset)
    gapless = not log.settings.compact and log.cleaned_to < 0
    if gapless and (found is None or found[1].base_offset > offset):
        raise Refused(
            ErrorCode.KAFKA_STORAGE_ERROR,
            f"{segment.file.path} is damaged: no batch is found that holds offset {offset}.",
        )
    return found[0] if found is not None else segment.size


def _known(log: Log, segment: Segment, offset: int) -> int:
    """As `locate` where that needs no search, else -1."""
    recent = log.recent_offsets
    if segment is log.active and recent and offset >= recent[0]:
        if offset >= log.log_end_offset:
            return segment.size
        return log.recent_positions[bisect_right(recent, offset) - 1]
    hint = log.hints.get(offset)
    return hint[1] if hint is not None and hint[0] is segment else -1


def find_batch(log: Log, segment: Segment, offset: int) -> tuple[int, BatchHeader] | None:
    """(position, header) of the first batch in the segment that ends at or after `offset`."""
    interval = log.settings.index_interval_bytes
    start = _index(log, segment).floor(offset)
    behind = damage.beyond(log, segment, offset, start) if log.ledger.damaged else start
    if behind > start:
        start = behind  # a good batch begins there
    elif start:
        found = log.fs.look(segment.file, start, HEADER_SIZE)
        if len(found) < HEADER_SIZE or not segment.base_offset <= read_header(found).base_offset <= offset:
            segment.rebuild_indexes(interval)  # the index lies
            start = segment.index(interval).floor(offset)
    for position, header in headers(log.fs, segment.file, start, segment.size):
        if header.last_offset >= offset:
            return position, header
    return None


def _index(log: Log, segment: Segment) -> OffsetIndex:
    """A segment's offset index; those of closed segments share a bounded cache."""
    index = segment.index(log.settings.index_interval_bytes)
    if segment is not log.active:
        log.ledger.indexes.touch(segment)
    return index


def _give_hint(log: Log, offset: int, segment: Segment, position: int) -> None:
    hints = log.hints
    if offset not in hints:
        if len(hints) >= MOST_HINTS:
            del hints[next(iter(hints))]
        hints[offset] = (segment, position)


def _cut(log: Log, segment: Segment, position: int, max_bytes: int, length: int, minimum_one: bool) -> int:
    """The length of the whole batches from `position` on that fit into `max_bytes`, as far as is cheaply known."""
    wanted = position + max_bytes
    recent = log.recent_positions
    if segment is log.active and recent and position >= recent[0]:
        cut = recent[bisect_right(recent, wanted) - 1]
        if cut > position:
            return cut - position
    else:
        cut = _index(log, segment).position_floor(wanted)
        if cut > position:
            for _, header in headers(log.fs, segment.file, cut, min(segment.size, cut + length)):
                _give_hint(log, header.base_offset, segment, cut)
                break
            return cut - position
    cut = 0
    buffer = memoryview(
        log.fs.look(segment.file, position, min(length, max(_CUT_READ, max_bytes), SCAN_READ))
    )
    for start, header in scan_headers(buffer):
        if start + header.size > max_bytes:
            break
        cut = start + header.size
    if not cut and minimum_one:
        for _, header in headers(log.fs, segment.file, position, segment.size):
            return header.size
    return cut


def offset_for_timestamp(log: Log, timestamp: int) -> tuple[int, int, int] | None:
    """See `Log.offset_for_timestamp`."""
    interval = log.settings.index_interval_bytes
    for segment in log.segments:
        if segment.known_max_timestamp(interval) < timestamp:
            continue
        first = max(segment.time_index(interval).floor(timestamp), log.log_start_offset)
        start = _index(log, segment).floor(first)
        for position, header in headers(log.fs, segment.file, start, segment.size):
            if header.max_timestamp < timestamp or header.last_offset < log.log_start_offset:
                continue
            found = _first_record(log, segment, position, header, timestamp)
            if found is not None:
                return found
    return None


def _first_record(
    log: Log, segment: Segment, position: int, header: BatchHeader, timestamp: int
) -> tuple[int, int, int] | None:
    """The first record of a batch with at least this timestamp that the log still has."""
    view = memoryview(log.fs.look(segment.file, position, header.size))
    for record in iter_records(view):
        if record.timestamp_ms >= timestamp and record.offset >= log.log_start_offset:
            return record.timestamp_ms, record.offset, header.partition_leader_epoch
    return None


def max_timestamp_offset(log: Log) -> tuple[int, int, int] | None:
    """See `Log.max_timestamp_offset`."""
    interval = log.settings.index_interval_bytes
    best = max(log.segments, key=lambda segment: segment.known_max_timestamp(interval))
    timestamp = best.known_max_timestamp(interval)
    if timestamp < 0:
        return None
    found = find_batch(log, best, max(best.max_timestamp_offset, log.log_start_offset))
    if found is None:
        return None
    return _first_record(log, best, *found, min(timestamp, found[1].max_timestamp))


def batches_from(log: Log, offset: int) -> Iterator[memoryview]:
    """See `Log.batches_from`."""
    while offset < log.log_end_offset:
        segment = log.segment_of(offset)
        position = locate(log, segment, offset)
        following = offset
        while position < segment.size:
            wanted = min(SCAN_READ, segment.size - position)
            buffer = memoryview(log.fs.read(segment.file, position, wanted))
            taken = 0
            for start, header in scan_headers(buffer):
                taken = start + header.size
                following = header.next_offset
                yield buffer[start:taken]
            if not taken:  # a batch larger than one read
                for _, header in headers(log.fs, segment.file, position, segment.size):
                    taken = header.size
                    following = header.next_offset
                    yield memoryview(log.fs.read(segment.file, position, taken))
                    break
                if not taken:
                    return
            position += taken
        number = log.segments.index(segment) + 1
        offset = max(following, log.bases[number]) if number < len(log.bases) else log.log_end_offset
