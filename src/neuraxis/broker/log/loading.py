"""Loading the indexes of a segment: from their files, and from the batch headers, for files may lag behind.

Rule of the file: a load is made on the loop and may run in a thread, so it keeps to what it was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log.index import OffsetIndex, TimeIndex
from neuraxis.broker.log.scan import headers
from neuraxis.broker.log.settings import MAX_INT32

if TYPE_CHECKING:
    from neuraxis.broker.log.filesystem import File, Fs
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.segment import Segment
    from neuraxis.broker.work import Now

UNKNOWN = -(1 << 62)  # a position below every position: the indexes are not loaded
LOADING = 1 << 62  # a position above every position: they are about to be


class IndexLoad:
    """One load of a segment's indexes, up to the size it has now; `run` fills in what was found.

    Two of the same segment are equal: one of them is enough. `adopted` says that the segment goes on with what it holds.
    """

    __slots__ = (
        "_time_file",
        "adopted",
        "file",
        "files",
        "from_files",
        "index",
        "index_file",
        "interval_bytes",
        "last_position",
        "segment",
        "size",
        "time_index",
        "timestamp",
        "timestamp_offset",
        "written",
    )

    def __init__(self, segment: Segment, interval_bytes: int, *, from_files: bool) -> None:
        self.segment = segment
        self.file = segment.file
        self.size = segment.size
        self.interval_bytes = interval_bytes
        self.from_files = from_files
        self.adopted = False
        self.index = OffsetIndex(segment.base_offset)
        self.time_index = TimeIndex(segment.base_offset)
        self.written = (0, 0)
        self.last_position = 0
        self.timestamp, self.timestamp_offset = -1, -1
        limits = segment.index_limits if from_files else (0, 0)
        self.index_file = _part(segment, ".index", limits[0])
        self._time_file = _part(segment, ".timeindex", limits[1])
        parts = (self.index_file, self._time_file)
        self.files = (self.file, *(part[0] for part in parts if part is not None))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IndexLoad):
            return NotImplemented
        return (self.segment, self.from_files) == (other.segment, other.from_files)

    def __hash__(self) -> int:
        return hash((self.segment, self.from_files))

    def __repr__(self) -> str:
        return f"<IndexLoad of {self.file.path}>"

    def run(self, fs: Fs, *, patient: bool) -> None:
        """Read both, and bring them up to the end. Raises WouldWait unless `patient`, which is for threads."""
        read = fs.read if patient else fs.look
        base_offset = self.segment.base_offset
        data = [
            b"" if part is None else bytes(read(part[0], 0, part[1]))
            for part in (self.index_file, self._time_file)
        ]
        index, time_index = OffsetIndex(base_offset, data[0]), TimeIndex(base_offset, data[1])
        if not index.is_sound(self.size) or not time_index.is_sound():
            index, time_index = OffsetIndex(base_offset), TimeIndex(base_offset)
        self.written = len(index.data), len(time_index.data)
        self.index, self.time_index = index, time_index
        self.last_position = index.entry(-1)[1] if len(index) else 0
        self.timestamp, self.timestamp_offset = time_index.entry(-1) if len(time_index) else (-1, -1)
        self.extend(fs, self.last_position, self.size, patient=patient)

    def extend(self, fs: Fs, start: int, size: int, *, patient: bool) -> None:
        """Take in the batches of [start, size), which begins with a batch."""
        for position, header in headers(fs, self.file, start, size, patient=patient):
            if not 0 <= header.last_offset - self.index.base_offset <= MAX_INT32:
                continue  # its offset is damaged: no checksum is over it
            if header.max_timestamp > self.timestamp:
                self.timestamp, self.timestamp_offset = header.max_timestamp, header.last_offset
            if position - self.last_position > self.interval_bytes:
                self.last_position = position
                self.index.append(header.last_offset, position)
                self.time_index.append(self.timestamp, self.timestamp_offset)
        self.size = size


def _part(segment: Segment, suffix: str, limit: int) -> tuple[File, int] | None:
    """An index file and how much of it counts; None if that is nothing."""
    if not limit:
        return None
    try:
        file = segment.fs.open(segment.path(suffix))
    except FileNotFoundError:
        return None
    return file, min(limit, segment.fs.size(file))


def index_batch(log: Log, segment: Segment, last_offset: int, position: int, now: Now) -> None:
    """Index a batch that is being appended at `position`; while the indexes are not loaded that is left to their load."""
    interval = log.settings.index_interval_bytes
    if segment.last_index_position == UNKNOWN:
        segment.last_index_position = LOADING
        log.ledger.cold.run(lambda _: None if log.gone else _load(segment, interval), now)
        if segment.last_index_position in (LOADING, UNKNOWN):
            return
    segment.add_index_entry(interval, last_offset, position)
    if segment.index_bytes // 2 >= log.settings.segment_index_bytes - 12:
        segment.roll_timestamp = UNKNOWN  # the indexes are full: the next batch begins a new segment


def _load(segment: Segment, interval_bytes: int) -> None:
    try:
        segment.index(interval_bytes)
    except OSError:
        # The next append tries again; without an index the segment is still whole. Its newest time is unknown as before.
        segment.last_index_position = segment.max_timestamp = UNKNOWN
