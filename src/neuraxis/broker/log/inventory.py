"""What the logs of a store consist of at one moment: which files, and how much of each. For copying them while they grow.

Files only grow, so what is listed here stays true; only names change, and a hold (`holds`) stops that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.log.checkpoint import entry_of
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.segment import NO_LIMIT
from neuraxis.broker.log.transactions import ENTRY_SIZE

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.segment import Segment

WHOLE = -1
"""As a length: all of the file, which does not change any more; it may also be absent and is made anew from the log."""


class SegmentFiles(NamedTuple):
    """How many bytes of a segment's four files count."""

    base_offset: int
    log_bytes: int
    index_bytes: int
    time_index_bytes: int
    aborted_bytes: int


class LogFiles(NamedTuple):
    """One log: its line for a checkpoint that begins at this moment, its small files' contents, its segments."""

    entry: str
    producers: bytes
    epochs: bytes
    segments: list[SegmentFiles]


def inventory(log: Log) -> LogFiles:
    """The log as it is now, all it holds being in its files. Raises StorageFailed."""
    try:
        for segment in log.unchecked:
            segment.write_aborted()
    except OSError as error:
        raise StorageFailed(f"writing the aborted transactions of {log.directory}", error) from error
    producers = log.producers.snapshot() if log.producers.by_id else b""
    entry = entry_of(log)._replace(snapshot_offset=log.log_end_offset if producers else -1)
    return LogFiles(entry.line(), producers, log.epochs.to_text(), [_files(each) for each in log.segments])


def _files(segment: Segment) -> SegmentFiles:
    index_bytes, time_index_bytes = (
        WHOLE if written == NO_LIMIT else written for written in segment.written_index_bytes
    )
    aborted = len(segment.aborted) * ENTRY_SIZE
    return SegmentFiles(segment.base_offset, segment.size, index_bytes, time_index_bytes, aborted)
