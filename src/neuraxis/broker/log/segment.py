"""One segment: a `.log` file of batches, its two indexes, and what is dirty of them. Written only through its `Log`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log import transactions
from neuraxis.broker.log.cold import WouldWait
from neuraxis.broker.log.index import OffsetIndex, TimeIndex
from neuraxis.broker.log.loading import LOADING, UNKNOWN, IndexLoad
from neuraxis.broker.work import LoadIndexes

if TYPE_CHECKING:
    from neuraxis.broker.log.compaction import Target
    from neuraxis.broker.log.fs import File, Fs
    from neuraxis.broker.log.transactions import AbortedTransaction

NO_LIMIT = 1 << 62


def name_of(base_offset: int, suffix: str) -> str:
    """Kafka's file name: twenty digits and a suffix."""
    return f"{base_offset:020d}{suffix}"


class Segment:
    """Batches from `base_offset` on, `size` bytes of them."""

    __slots__ = (
        "_aborted_written",
        "_index",
        "_index_written",
        "_time_index",
        "_time_written",
        "aborted",
        "base_offset",
        "clean",
        "directory",
        "dirty",
        "file",
        "first_timestamp",
        "fs",
        "index_limits",
        "last_index_position",
        "max_timestamp",
        "max_timestamp_offset",
        "opened_ms",
        "roll_timestamp",
        "size",
        "unchecked",
        "unsynced_indexes",
    )

    def __init__(self, fs: Fs, directory: str, base_offset: int, file: File, size: int = 0) -> None:
        self.fs = fs
        self.directory = directory
        self.base_offset = base_offset
        self.file = file
        self.size = size
        self.max_timestamp = -1 if size == 0 else UNKNOWN
        self.max_timestamp_offset = -1
        self.first_timestamp = -1
        self.roll_timestamp = NO_LIMIT
        self.opened_ms = 0  # mono, of the first batch or of the start since
        self.clean = True  # the next write has to note it as dirty or unchecked: the fast check of `append`
        self.dirty = False  # written since the last sync of its log began
        self.unchecked = False  # written since the last checkpoint began
        self.unsynced_indexes: list[File] = []
        self.index_limits = (NO_LIMIT, NO_LIMIT)  # how much of the index files is of this history (recovery)
        self.aborted: list[AbortedTransaction] = []  # whose markers are in this segment
        self._aborted_written = 0
        self._index: OffsetIndex | None = None
        self._time_index: TimeIndex | None = None
        self._index_written = 0
        self._time_written = 0
        self.last_index_position = UNKNOWN
        if size == 0:
            self._index = OffsetIndex(base_offset)
            self._time_index = TimeIndex(base_offset)
            self.last_index_position = 0

    @classmethod
    def closed(cls, fs: Fs, directory: str, target: Target) -> Segment:
        """The segment that compaction wrote: its files have their names, and its indexes are whole."""
        segment = cls(fs, directory, target.base_offset, target.file, target.size)
        segment._index, segment._time_index = target.index, target.time_index
        segment._index_written, segment._time_written = len(target.index.data), len(target.time_index.data)
        segment.max_timestamp, segment.max_timestamp_offset = (
            target.max_timestamp,
            target.max_timestamp_offset,
        )
        segment.aborted = target.still_aborted
        segment._aborted_written = len(segment.aborted)
        return segment

    def limit_age(self, segment_ms: int) -> None:
        """A record later than this after the first one begins a new segment."""
        self.roll_timestamp = self.first_timestamp + segment_ms if self.first_timestamp >= 0 else NO_LIMIT

    def path(self, suffix: str) -> str:
        """The path of one of the segment's files."""
        return f"{self.directory}/{name_of(self.base_offset, suffix)}"

    @property
    def index_bytes(self) -> int:
        """What the loaded indexes take in memory."""
        if self._index is None or self._time_index is None:
            return 0
        return len(self._index.data) + len(self._time_index.data)

    def index(self, interval_bytes: int) -> OffsetIndex:
        """The offset index, loaded or rebuilt if need be."""
        if self._index is None:
            self._load(interval_bytes)
        assert self._index is not None
        return self._index

    def time_index(self, interval_bytes: int) -> TimeIndex:
        """The time index, loaded or rebuilt if need be."""
        if self._time_index is None:
            self._load(interval_bytes)
        assert self._time_index is not None
        return self._time_index

    def known_max_timestamp(self, interval_bytes: int) -> int:
        """The largest timestamp in the segment (-1: none), looked up once."""
        if self.max_timestamp == UNKNOWN or self.last_index_position == LOADING:
            self._load(interval_bytes)
            self.drop_indexes()
        return self.max_timestamp

    @property
    def sure_max_timestamp(self) -> int:
        """The largest timestamp as far as it is sure: UNKNOWN while the indexes that tell are being loaded."""
        return UNKNOWN if self.last_index_position == LOADING else self.max_timestamp

    @property
    def written_index_bytes(self) -> tuple[int, int]:
        """How much of the two index files belongs to the segment as it is."""
        if self._index is None:
            return self.index_limits
        return self._index_written, self._time_written

    def drop_indexes(self) -> None:
        """Forget loaded indexes that are in their files; not for the active segment."""
        if self._index is not None and self._index_written == len(self._index.data):
            self._index = None
            self._time_index = None
            self.last_index_position = UNKNOWN

    def _load(self, interval_bytes: int, *, from_files: bool = True) -> None:
        """Read both indexes. Raises WouldWait for what is being tried on the loop; then a thread loads them for it."""
        attempt = self.fs.attempt
        load = attempt.loaded.pop(self, None) if attempt is not None else None
        if load is None or load.adopted:
            load = IndexLoad(self, interval_bytes, from_files=from_files)
            try:
                load.run(self.fs, patient=False)
            except WouldWait:
                raise WouldWait(LoadIndexes(load)) from None
        if load.size < self.size:  # appended since: that is in memory
            load.extend(self.fs, load.size, self.size, patient=True)
        load.adopted = True
        self._index, self._time_index = load.index, load.time_index
        self._index_written, self._time_written = load.written
        self.last_index_position = load.last_position
        if load.timestamp > self.max_timestamp:  # a batch that is being appended may be known already
            self.max_timestamp, self.max_timestamp_offset = load.timestamp, load.timestamp_offset

    def rebuild_indexes(self, interval_bytes: int) -> None:
        """Make both indexes anew from the batch headers."""
        self._load(interval_bytes, from_files=False)

    def add_index_entry(self, interval_bytes: int, offset: int, position: int) -> None:
        """Index the batch that begins at `position`, whose last offset is `offset`, if the interval has passed."""
        index = self.index(interval_bytes)
        if position - self.last_index_position > interval_bytes:
            index.append(offset, position)
            self.time_index(interval_bytes).append(self.max_timestamp, self.max_timestamp_offset)
            self.last_index_position = position

    @property
    def unwritten_index_bytes(self) -> int:
        """How far the index files lag behind memory."""
        if self._index is None:
            return 0
        return len(self._index.data) - self._index_written

    def close_indexes(self, interval_bytes: int) -> None:
        """The segment is full: from now on its index files are taken for what they are, so they must be whole."""
        attempt, self.fs.attempt = self.fs.attempt, None  # a roll is not begun a second time
        try:
            self.index(interval_bytes)
        finally:
            self.fs.attempt = attempt
        self.write_indexes()

    def write_indexes(self) -> None:
        """Bring the index files up to date in the page cache; `unsynced_indexes` says which were written or made."""
        if self._index is None or self._time_index is None:
            return
        self._time_index.append(self.max_timestamp, self.max_timestamp_offset)
        for suffix, data, done in (
            (".index", self._index.data, self._index_written),
            (".timeindex", self._time_index.data, self._time_written),
        ):
            if done == len(data) and done:
                continue
            file = self.fs.open(self.path(suffix), create=True)
            if self.fs.size(file) != done:  # what follows there is of a history that was lost
                self.fs.truncate(file, done)
            if len(data) > done:
                with memoryview(data) as view:
                    self.fs.write(file, done, view[done:])
            if file not in self.unsynced_indexes:
                self.unsynced_indexes.append(file)
        self._index_written, self._time_written = len(self._index.data), len(self._time_index.data)

    def add_aborted(self, entry: AbortedTransaction) -> None:
        """A marker in this segment aborted a transaction."""
        self.aborted.append(entry)

    def load_aborted(self, limit_offset: int) -> bool:
        """Read the `.txnindex` file, up to markers below `limit_offset`; False if something else than more entries follows.

        The rest of the file is of a history that was lost: it is cut off.
        """
        file = self.fs.open(self.path(transactions.SUFFIX))
        size = self.fs.size(file)
        self.aborted = transactions.parse(self.fs.read(file, 0, size), self.base_offset, limit_offset)
        self._aborted_written = len(self.aborted)
        kept = self._aborted_written * transactions.ENTRY_SIZE
        if size > kept:
            self.fs.truncate(file, kept)
        return size == kept

    def forget_aborted(self) -> None:
        """What the file says is wrong: it is written anew."""
        self.aborted, self._aborted_written = [], 0

    def write_aborted(self) -> None:
        """Bring the `.txnindex` file up to date in the page cache; a segment without aborted transactions has none."""
        done = self._aborted_written
        if done == len(self.aborted):
            return
        file = self.fs.open(self.path(transactions.SUFFIX), create=True)
        end = done * transactions.ENTRY_SIZE
        if self.fs.size(file) != end:  # what follows there is of a history that was lost
            self.fs.truncate(file, end)
        self.fs.write(file, end, memoryview(transactions.to_bytes(self.aborted[done:])))
        self._aborted_written = len(self.aborted)
        if file not in self.unsynced_indexes:
            self.unsynced_indexes.append(file)
